"""One `.npz` file in MedMNIST's layout: `train_images`, `train_labels`, `val_…`, `test_…`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy.typing as npt

from heldout.data.entries import Draft, Entry, Reader
from heldout.data.labels import EXPECTED, column_of, label_problems, label_texts
from heldout.errors import Problem
from heldout.images import ImageError, check_pixels, open_archive, open_array
from heldout.progress import Reporter
from heldout.records import PARTS


class NpzReader(Reader):
    """Images uint8 (n, h, w) or (n, h, w, 3) and labels (n,) or (n, 1), two arrays a part of the split.

    Labels may be whole numbers or text. The arrays are decompressed into memory one at a time.
    """

    name: ClassVar[str] = "npz"
    title: ClassVar[str] = "an .npz file with train_images, train_labels, val_…, test_… (MedMNIST's layout)"

    def accepts(self, data: str) -> bool:
        """A file that ends in `.npz`."""
        return Path(data).suffix.lower() == ".npz" and Path(data).is_file()

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Name every row of every array of images."""
        return read_npz(Path(data).resolve())


def read_npz(path: Path, classes: Sequence[str] = ()) -> Draft:
    """The images of an `.npz` file in MedMNIST's layout.

    Args:
        path: The file, absolute.
        classes: Names of the classes 0, 1, …; without them a class is called by its number.
    """
    try:
        members = open_archive(path)
    except ImageError as error:
        return Draft(path.stem, path.parent, (), (error.problem(path.name),))
    entries: list[Entry] = []
    problems: list[Problem] = []
    for part in PARTS:
        images, labels = f"{part}_images", f"{part}_labels"
        if images not in members and labels not in members:
            continue
        if images not in members or labels not in members:
            present, absent = (images, labels) if images in members else (labels, images)
            problems.append(
                Problem(path.name, f"{present} without {absent}", "both", f"Add {absent}, or drop {present}.")
            )
            continue
        found, wrong = _part(path, part, classes)
        entries += found
        problems += wrong
    if not entries and not problems:
        problems.append(
            Problem(
                path.name,
                f"the arrays {', '.join(members) or 'none'}",
                "train_images and train_labels, test_images and test_labels, optionally val_images and val_labels",
                "Save them under these names: np.savez(path, train_images=…, train_labels=…, …).",
            )
        )
    return Draft(path.stem, path.parent, tuple(entries), tuple(problems), classes=tuple(classes))


def _part(path: Path, part: str, classes: Sequence[str]) -> tuple[list[Entry], list[Problem]]:
    member = f"{part}_images"
    where = f"{path.name} [{member}]"
    problems: list[Problem] = []
    names: list[str] = []
    try:
        images = open_array(path, member)
        check_pixels(images, where)
    except ImageError as error:
        problems.append(error.problem(where))
    where = f"{path.name} [{part}_labels]"
    try:
        names, wrong = label_names(open_array(path, f"{part}_labels"), classes, where)
        problems += wrong
    except ImageError as error:
        problems.append(_no_labels(error, where))
    if not problems and len(images) != len(names):
        problems.append(
            Problem(
                f"{path.name}, {part}",
                f"{len(images)} images and {len(names)} labels",
                "arrays of one length",
                "Save both arrays again from the same list.",
            )
        )
    if problems:
        return [], problems
    return [
        Entry(source=path.name, member=member, row=row, label=name, split=part) for row, name in enumerate(names)
    ], []


def _no_labels(error: ImageError, where: str) -> Problem:
    """The problem of labels that cannot be read: they are no images, and what is wrong is said of labels."""
    found = error.problem(where).found
    remedy = "Save text as np.array(labels, dtype=str), or whole numbers."
    return Problem(where, found, EXPECTED, remedy)


def label_names(labels: npt.NDArray[Any], classes: Sequence[str], where: str) -> tuple[list[str], list[Problem]]:
    """Class names of an array of labels (n,) or (n, 1), or why they are none."""
    if labels.ndim == 2 and labels.shape[1] > 1:
        several = bool((labels != 0).sum(axis=1).max(initial=0) > 1) if labels.dtype.kind in "iufb" else True
        return [], [
            Problem(
                where,
                f"{labels.shape[1]} labels an image{' (several at once)' if several else ''}",
                "one label an image, (n,) or (n, 1)",
                "Choose one of the findings as the question, and write a column of 0 and 1 for it."
                if several
                else "Save labels.argmax(axis=1).",
            )
        ]
    flat = column_of(labels)
    problems = label_problems(flat, where)
    if problems:
        return [], problems
    if flat.dtype.kind in "US":
        return label_texts(flat), []
    numbers = [int(value) for value in flat]
    beyond = sorted({number for number in numbers if classes and not 0 <= number < len(classes)})
    if beyond:
        return [], [
            Problem(
                where, f"the labels {beyond}", f"0 to {len(classes) - 1}", "The file is another version; get it anew."
            )
        ]
    return [classes[number] if classes else str(number) for number in numbers], []


READER = NpzReader()
