"""The images that tables of predictions name: found under a folder, or given as arrays, each read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
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


def images_under(images: pd.DataFrame, folder: Path, reporter: Reporter, look: Look = PLAIN) -> pd.DataFrame:
    """The columns of `MEASURED` of images found under a folder.

    A path is looked for as it is under the folder, then by the name of the file, then by that name without its ending;
    an id where there is no path, likewise.

    Args:
        images: With `id` and `path`.
        folder: Where they lie.
        reporter: Told of every image.
        look: How their values become 8 bits.

    Raises:
        InputError: Images that are not there, are there several times, or cannot be read; all problems at once.
    """
    if not folder.is_dir():
        raise InputError([Problem(str(folder), "no such folder", "the folder of the images", "Check --images.")])
    shelf = _Shelf(folder)
    places: list[Entry] = []
    lost: list[str] = []
    several: list[str] = []
    for id_, path in zip(images["id"], images["path"], strict=True):
        found = shelf.find(str(path or id_))
        if len(found) == 1:
            places.append(Entry(found[0], "label", where=str(id_)))
        else:
            (several if found else lost).append(str(path or id_))
    problems = [
        Problem(
            f"{len(names):,} of {len(images):,} images, such as '{names[0]}'",
            found_words,
            f"one file each under {folder}: its path there, or its name",
            remedy,
        )
        for names, found_words, remedy in (
            (lost, "no file", "Check --images; write paths relative to it into the column path."),
            (several, "several files of that name", "Write paths relative to --images into the column path."),
        )
        if names
    ]
    if problems:
        raise InputError(problems, title="The images of the tables cannot be found")
    return _measured(places, folder, reporter, look)


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


class _Shelf:
    """Files under a folder, by path, by name and by name without ending; read when a path alone does not do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, list[str]] | None = None

    def find(self, name: str) -> list[str]:
        """Files that a name means, relative to the folder."""
        plain = name.replace("\\", "/").removeprefix("./")
        if (self._folder / plain).is_file():  # an absolute path stays what it is
            return [plain]
        if self._names is None:
            self._names = defaultdict(list)
            for path in sorted(self._folder.rglob("*")):
                if path.is_file() and not path.name.startswith("."):
                    source = path.relative_to(self._folder).as_posix()
                    self._names[path.name].append(source)
                    self._names[f"{path.stem}."].append(source)  # an ending of its own: no file is called so
        last = plain.rpartition("/")[2]
        for key in (last, f"{last}.", f"{last.rpartition('.')[0]}."):
            if key in self._names and key != ".":
                return self._names[key]
        return []
