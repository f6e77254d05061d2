"""Tables of a study that need its pixels but no network: measured once, kept beside the study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.data.store import build_store
from heldout.diagnosis.relatives import Pair
from heldout.errors import HeldoutError
from heldout.files import hash_of, read_json, whole, write_json
from heldout.images.perceptual import SIDE, perceptual_hashes, thumbnails
from heldout.images.quality import PROPERTIES, quality_of
from heldout.progress import Reporter
from heldout.records import PARTS, Recipe
from heldout.runs.folder import StudyFiles
from heldout.stats.neighbours import calibrate
from heldout.stats.neighbours import near_copies as copies_among

CHUNK = 500
"""Images measured at a time."""


def quality_table(study: StudyFiles, recipe: Recipe, reporter: Reporter) -> pd.DataFrame | None:
    """Measured properties of every image of the split, as the network saw it: index `id`, one column a property.

    Args:
        study: Cohort and split.
        recipe: Says how the images became squares.
        reporter: Told of progress where the table has to be measured.

    Returns:
        The table, from `quality/` in the study's folder where it was measured before; None where the images cannot be
        read any more, or were never given.
    """
    if not study.cohort.pictured:
        return None
    file = study.folder / "quality" / f"{recipe.image_size}-{recipe.fit}-{recipe.interpolation}.parquet"
    ids = [id_ for part in PARTS for id_ in study.split.part(part)]
    if file.is_file():
        table = pd.read_parquet(file).set_index("id")
        if list(table.columns) == [item.name for item in PROPERTIES] and set(ids) <= set(table.index):
            return table.loc[ids]
    try:
        measured = [_measure(study, part, recipe, reporter) for part in PARTS if study.split.part(part)]
    except HeldoutError as error:
        reporter.note(f"Image quality was not measured: {str(error).splitlines()[0]}")
        return None
    table = pd.concat(measured)
    with whole(file) as temporary:
        table.rename_axis("id").reset_index().to_parquet(temporary, index=False)
    return table


def _measure(study: StudyFiles, part: str, recipe: Recipe, reporter: Reporter) -> pd.DataFrame:
    pixels = part_pixels(study, part, recipe, reporter)
    pieces = []
    reporter.begin(f"quality of {part}", -(-len(pixels) // CHUNK))
    for start in range(0, len(pixels), CHUNK):
        pieces.append(quality_of(np.asarray(pixels[start : start + CHUNK])))
        reporter.step()
    reporter.end()
    table = pd.concat(pieces, ignore_index=True)
    table.index = pd.Index(study.split.part(part), name="id")
    return table


def near_copies(study: StudyFiles, recipe: Recipe, reporter: Reporter) -> tuple[Pair, ...]:
    """Pairs of images of the split that show nearly the same picture, from `quality/` where they were found before.

    None where the images cannot be read any more: the quality table says so.
    """
    if not study.cohort.pictured:
        return ()
    file = study.folder / "quality" / f"near-copies-{recipe.image_size}-{recipe.fit}-{recipe.interpolation}.json"
    ids = [id_ for part in PARTS for id_ in study.split.part(part)]
    key = hash_of(ids)
    if file.is_file():
        about = read_json(file)
        if about.get("key") == key:
            return tuple((str(a), str(b)) for a, b in about["pairs"])
    try:
        hashes, vectors = _fingerprints(study, recipe, reporter)
    except HeldoutError:
        return ()
    patients = [patient for part in PARTS if study.split.part(part) for patient in study.patients(part)]
    groups = [patient or f"image {id_}" for patient, id_ in zip(patients, ids, strict=True)]
    found = copies_among(hashes, vectors, calibrate(vectors, groups).similarity)
    pairs = tuple((ids[a], ids[b]) for a, b in zip(found.first.tolist(), found.second.tolist(), strict=True))
    write_json(file, {"format": 1, "key": key, "pairs": [list(pair) for pair in pairs]})
    return pairs


def _fingerprints(
    study: StudyFiles, recipe: Recipe, reporter: Reporter
) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """Perceptual hashes (n,) and thumbnails (n, d) of all images of the split, part after part."""
    n = sum(len(study.split.part(part)) for part in PARTS)
    hashes, vectors = np.empty(n, dtype=np.uint64), np.empty((n, SIDE * SIDE), dtype=np.float32)
    row = 0
    for part in [name for name in PARTS if study.split.part(name)]:
        pixels = part_pixels(study, part, recipe, reporter)
        for start in range(0, len(pixels), CHUNK):
            some = np.asarray(pixels[start : start + CHUNK])
            hashes[row : row + len(some)] = perceptual_hashes(some)
            vectors[row : row + len(some)] = thumbnails(some)
            row += len(some)
    return hashes, vectors


def part_pixels(study: StudyFiles, part: str, recipe: Recipe, reporter: Reporter) -> np.ndarray:
    """(n, s, s, c) uint8 squares of a part, in the order of the split, from the study's own store.

    Raises:
        HeldoutError: The images are not there any more, or are others than they were.
    """
    folder: Path = study.folder / "images"
    ids = study.split.part(part)
    return build_store(study.cohort, ids, recipe.image_size, recipe.fit, recipe.interpolation, folder, reporter).pixels
