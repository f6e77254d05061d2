"""Tables of a study that need its pixels but no network: measured once, kept beside the study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.array_files import release_pages
from heldout.data.store import build_store
from heldout.diagnosis.relatives import CopyPair
from heldout.errors import HeldoutError, InputError
from heldout.files import hash_of, read_json, write_json
from heldout.images.copies import FORMAT, MOST_IMAGES, find_copies, small_grey
from heldout.images.levels import eight_bit
from heldout.images.quality import PROPERTIES, quality_of
from heldout.progress import Reporter
from heldout.records import PARTS, Recipe
from heldout.records.table_file import load_table, save_table
from heldout.runs.folder import StudyFiles
from heldout.system_errors import is_forbidden, told

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
    file = study.folder / "quality" / f"{recipe.squares}.parquet"
    ids = [id_ for part in PARTS for id_ in study.split.part(part)]
    known = _known_quality(file, ids, reporter)
    if known is not None:
        return known
    try:
        measured = [_measure(study, part, recipe, reporter) for part in PARTS if study.split.part(part)]
    except HeldoutError as error:
        reporter.note(f"Image quality was not measured: {str(error).splitlines()[0]}")
        return None
    table = pd.concat(measured)
    with _kept_where_allowed():
        save_table(table.rename_axis("id").reset_index(), file)
    return table


def _known_quality(file: Path, ids: list[str], reporter: Reporter) -> pd.DataFrame | None:
    """The table of an earlier call; None where there is none for these images, or it is damaged."""
    if not file.is_file():
        return None
    try:
        table = load_table(file).set_index("id")
        known = list(table.columns) == [item.name for item in PROPERTIES] and set(ids) <= set(table.index)
        return table.loc[ids] if known else None
    except (InputError, KeyError) as error:
        reporter.note(f"{file} is damaged, and is measured anew ({type(error).__name__}).")
        return None


def _measure(study: StudyFiles, part: str, recipe: Recipe, reporter: Reporter) -> pd.DataFrame:
    pixels = part_pixels(study, part, recipe, reporter)
    pieces = []
    reporter.begin(f"quality of {part}", -(-len(pixels) // CHUNK))
    for start in range(0, len(pixels), CHUNK):
        pieces.append(quality_of(np.asarray(pixels[start : start + CHUNK])))
        release_pages(pixels)
        reporter.step()
    reporter.end()
    table = pd.concat(pieces, ignore_index=True)
    table.index = pd.Index(study.split.part(part), name="id")
    return table


def near_copies(study: StudyFiles, recipe: Recipe, reporter: Reporter) -> tuple[CopyPair, ...] | None:
    """Pairs of images of the split that show one picture: as reading found them, or from `quality/`.

    None where nothing was looked for: the images cannot be read any more, as the quality table says, or they are more
    than `MOST_IMAGES`, as a note of the cohort says.
    """
    if not study.cohort.pictured:
        return None
    known = known_copies(study, recipe)
    if known is not None:
        return known
    ids = [id_ for part in PARTS for id_ in study.split.part(part)]
    if len(ids) > MOST_IMAGES:
        return None
    try:
        found = find_copies(_small(study, recipe, reporter))
    except HeldoutError:
        return None
    rows = zip(found.first.tolist(), found.second.tolist(), found.change, strict=True)
    pairs = tuple(CopyPair(ids[a], ids[b], change) for a, b, change in rows)
    listed = [[p.first, p.second, p.change] for p in pairs]
    kept = {"format": FORMAT, "key": hash_of([FORMAT, *ids]), "pairs": listed, "hash": hash_of(listed)}
    with _kept_where_allowed():
        write_json(_copies_file(study, recipe), kept)
    return pairs


def known_copies(study: StudyFiles, recipe: Recipe) -> tuple[CopyPair, ...] | None:
    """The pairs of `near_copies` as far as they were looked for before; None where they were not. Writes nothing."""
    ids = [id_ for part in PARTS for id_ in study.split.part(part)]
    if study.cohort.copies is not None:
        split = set(ids)
        return tuple(CopyPair(*pair) for pair in study.cohort.copies if pair[0] in split and pair[1] in split)
    return _known_pairs(_copies_file(study, recipe), hash_of([FORMAT, *ids]))


def _copies_file(study: StudyFiles, recipe: Recipe) -> Path:
    """Where pairs are kept."""
    return study.folder / "quality" / f"copies-{recipe.squares}.json"


def _known_pairs(file: Path, key: str) -> tuple[CopyPair, ...] | None:
    """The pairs that an earlier call found among these images; None where it left none, or they were changed."""
    try:
        about = read_json(file)
        if about["key"] != key or about.get("hash", hash_of(about["pairs"])) != hash_of(about["pairs"]):
            return None
        return tuple(CopyPair(str(a), str(b), str(change)) for a, b, change in about["pairs"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _small(study: StudyFiles, recipe: Recipe, reporter: Reporter) -> NDArray[np.uint8]:
    """Thumbnails (n, 64, 64) of all images of the split, part after part."""
    pieces = []
    for part in [name for name in PARTS if study.split.part(name)]:
        pixels = part_pixels(study, part, recipe, reporter)
        pieces += [small_grey(eight_bit(np.asarray(image))) for image in pixels]
        release_pages(pixels)
    return np.stack(pieces)


def part_pixels(study: StudyFiles, part: str, recipe: Recipe, reporter: Reporter) -> NDArray[Any]:
    """(n, s, s, c) squares of a part, in the order of the split, from the study's own store.

    Raises:
        HeldoutError: The images are not there any more, or are others than they were; or they are not in the store, and
            the study may only be read.
    """
    folder: Path = study.folder / "images"
    ids = study.split.part(part)
    how = recipe.image_size, recipe.fit, recipe.interpolation
    try:
        return build_store(study.cohort, ids, *how, folder, reporter, recipe.input_map).pixels
    except OSError as error:
        refused = told(error) if is_forbidden(error) else None
        if refused is None:
            raise
        raise refused from error


@contextmanager
def _kept_where_allowed() -> Iterator[None]:
    """Keep what was measured for the next call, unless the study may only be read."""
    try:
        yield
    except OSError as error:
        if not is_forbidden(error):
            raise
