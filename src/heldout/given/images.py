"""The images that tables of predictions name: found under a folder, or given as arrays, each read once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.data.entries import Entry
from heldout.data.examine.depth import depth_problems
from heldout.data.examine.measure import measure
from heldout.errors import InputError, Problem
from heldout.files import hash_of, whole
from heldout.given.places import Place, Places
from heldout.progress import Reporter
from heldout.records import PARTS

MEASURED = ("content", "source", "member", "row", "width", "height", "channels", "bits")
"""Columns that images give the cohort's table."""

Arrays = Mapping[str, NDArray[Any]]
"""Part -> images (n, h, w) or (n, h, w, k), in the order in which the tables name them."""


@dataclass(frozen=True)
class Look:
    """How values of images become the 8 bits that a given model is shown.

    Attributes:
        intensity: Policy for images of more than 8 bits; empty for none.
        channels: Choice of channels that are no colours; empty for none.
    """

    intensity: str = ""
    channels: str = ""


PLAIN = Look()


def without_images(images: pd.DataFrame) -> pd.DataFrame:
    """The columns of `MEASURED` where there are no images: content is the id's own, so that no two are alike."""
    content = [hash_of(["given", id_], 16) for id_ in images["id"]]
    columns = {"content": content, "source": images["path"].to_numpy(), "member": "", "row": -1}
    return pd.DataFrame(columns | dict.fromkeys(("width", "height", "channels", "bits"), -1))


def images_under(
    images: pd.DataFrame, folder: Path, reporter: Reporter, look: Look = PLAIN
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The columns of `MEASURED` of images found under a folder, and sentences about those found otherwise than by path.

    A path is looked for as it is under the folder, then by the name of the file, then by that name without its ending,
    in folders that agree with those of the path; an id where there is no path, likewise.

    Args:
        images: With `id` and `path`.
        folder: Where they lie.
        reporter: Told of every image.
        look: How their values become 8 bits.

    Raises:
        InputError: Images that are not there, are there several times, are the file of another image, or cannot be
            read; all problems at once.
    """
    if not folder.is_dir():
        raise InputError([Problem(str(folder), "no such folder", "the folder of the images", "Check --images.")])
    shelf = Places(folder)
    names = [str(path or id_) for id_, path in zip(images["id"], images["path"], strict=True)]
    places = [shelf.find(name) for name in names]
    if problems := _place_problems(names, places, folder):
        raise InputError(problems, title="The images of the tables cannot be found")
    entries = [
        Entry(place.sources[0], "label", where=str(id_)) for id_, place in zip(images["id"], places, strict=True)
    ]
    tails = [(name, place.sources[0]) for name, place in zip(names, places, strict=True) if place.how == "tail"]
    notes = [
        f"{len(tails):,} of {len(images):,} images were found under --images by less than the path or id in the "
        f"tables, such as {name} at {source}."
        for name, source in tails[:1]
    ]
    return _measured(entries, folder, reporter, look), tuple(notes)


def _place_problems(names: Sequence[str], places: Sequence[Place], folder: Path) -> list[Problem]:
    """Images without a file, with several, and with the file of another image.

    Two rows that say the same path mean the same file, and are copies; one that was found by its name may be mistaken.
    """
    of_file: dict[str, list[tuple[str, Place]]] = {}
    for name, place in zip(names, places, strict=True):
        if len(place.sources) == 1:
            of_file.setdefault(os.path.normpath(folder / place.sources[0]), []).append((name, place))
    lost, several = [], []
    for name, place in zip(names, places, strict=True):
        if not place.sources:
            near = f" ({place.elsewhere} lies in another folder)" if place.elsewhere else ""
            lost.append((name, f"no file{near}"))
        elif len(place.sources) > 1:
            several.append((name, "several files of that name"))
    twice = [
        (name, f"the file {place.sources[0]}, which is that of '{owners[0 if at else 1][0]}' too")
        for owners in of_file.values()
        if len(owners) > 1
        for at, (name, place) in enumerate(owners)
        if place.how != "path"
    ]
    return [
        Problem(
            f"{len(wrong):,} of {len(names):,} images, such as '{wrong[0][0]}'",
            wrong[0][1],
            f"one file each under {folder}, its own: its path there, or its name",
            remedy,
        )
        for wrong, remedy in (
            (lost, "Check --images; write paths relative to it into the column path."),
            (several, "Write paths relative to --images into the column path."),
            (twice, "Check --images; write paths relative to it into the column path."),
        )
        if wrong
    ]


def images_of_arrays(
    images: pd.DataFrame,
    arrays: Arrays,
    rows: Mapping[str, tuple[str, ...]],
    folder: Path,
    reporter: Reporter,
    look: Look = PLAIN,
) -> pd.DataFrame:
    """The columns of `MEASURED` of images in memory, which are kept in a folder as one `.npy` file a part.

    Args:
        images: With `id`.
        arrays: The images, a row each of the tables.
        rows: Part -> ids in the order of the tables.
        folder: Where to keep them.
        reporter: Told of every image.
        look: How their values become 8 bits.

    Raises:
        InputError: Parts or lengths that are not those of the tables; arrays that are no images.
    """
    problems = []
    for part in PARTS:
        found, wanted = len(arrays[part]) if part in arrays else 0, len(rows[part])
        if found != wanted:
            expected = f"{wanted:,}, one a row of the table, in its order"
            problems.append(Problem(f"images, {part}", f"{found:,} images", expected, "Pass one image a row."))
    if problems:
        raise InputError(problems, title="The images do not belong to the tables")
    place = {id_: (part, row) for part in PARTS for row, id_ in enumerate(rows[part])}
    for part, array in arrays.items():
        with whole(folder / f"{part}.npy") as temporary:
            np.save(temporary, np.asarray(array))
    entries = [Entry(f"{place[id_][0]}.npy", "label", row=place[id_][1], where=str(id_)) for id_ in images["id"]]
    return _measured(entries, folder, reporter, look)


def _measured(entries: list[Entry], root: Path, reporter: Reporter, look: Look) -> pd.DataFrame:
    measured, whole_arrays, single = measure(entries, root, reporter)
    problems = [*whole_arrays, *single, *depth_problems(measured, look.intensity, look.channels)]
    if problems:
        raise InputError(problems, title="Some images cannot be read")
    return pd.DataFrame(
        [
            (one.content, one.entry.source, "", one.entry.row, one.width, one.height, one.channels, one.bits)
            for one in measured
        ],
        columns=list(MEASURED),
    )
