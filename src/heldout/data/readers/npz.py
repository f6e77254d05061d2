"""One `.npz` file in MedMNIST's layout: `train_images`, `train_labels`, `val_…`, `test_…`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from heldout.data.entries import Draft, Entry, Reader
from heldout.data.labels import EXPECTED, column_of, label_problems, label_texts
from heldout.errors import Problem
from heldout.images import ImageError, check_pixels, open_archive, open_array
from heldout.progress import Reporter
from heldout.records import PARTS

NAMES = "label_names"
"""Array of text that names the labels; MedMNIST's own files have none."""


class NpzReader(Reader):
    """Images (n, h, w) or (n, h, w, channels) and labels (n,), (n, 1) or (n, k), two arrays a part of the split.

    Labels may be whole numbers or text; of several labels an image (n, k) of 0 and 1. The arrays are decompressed into
    memory one at a time. An array `label_names` of text, if there is one, names the labels 0, 1, …
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
    classes = classes or _names(path, members)
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
    several = sorted({entry.split for entry in entries if entry.labels is not None}, key=PARTS.index)
    if several and any(entry.labels is None for entry in entries):
        parts = f"several labels an image in {' and '.join(several)}, one in the other parts"
        remedy = "Save the labels of every part in one way."
        problems.append(Problem(path.name, parts, "labels (n,) everywhere, or (n, k)", remedy))
    if not entries and not problems:
        problems.append(
            Problem(
                path.name,
                f"the arrays {', '.join(members) or 'none'}",
                "train_images and train_labels, test_images and test_labels, optionally val_images and val_labels",
                "Save them under these names: np.savez(path, train_images=…, train_labels=…, …).",
            )
        )
    return Draft(path.stem, path.parent, tuple(entries), tuple(problems), classes=_in_order(entries, classes))


def _names(path: Path, members: Sequence[str]) -> tuple[str, ...]:
    """Names of the labels 0, 1, … where the file has an array of them."""
    if NAMES not in members:
        return ()
    try:
        names = open_array(path, NAMES)
    except ImageError:
        return ()
    return tuple(str(name).strip() for name in names) if names.ndim == 1 and names.dtype.kind == "U" else ()


def _in_order(entries: Sequence[Entry], classes: Sequence[str]) -> tuple[str, ...]:
    """Names in the order of their indices: of unnamed labels the numbers of their columns."""
    numbers = {name for entry in entries for name in entry.labels or ()}
    return tuple(classes) or tuple(sorted(numbers, key=int))


def _part(path: Path, part: str, classes: Sequence[str]) -> tuple[list[Entry], list[Problem]]:
    member = f"{part}_images"
    where = f"{path.name} [{member}]"
    problems: list[Problem] = []
    try:
        images = open_array(path, member)
        check_pixels(images, where, any_depth=True)
    except ImageError as error:
        problems.append(error.problem(where))
    where = f"{path.name} [{part}_labels]"
    told: list[tuple[str, tuple[str, ...] | None]] = []
    try:
        labels = open_array(path, f"{part}_labels")
        if labels.ndim == 2 and labels.shape[1] > 1:
            several, wrong = labels_each(labels, classes, where)
            told = [("", names) for names in several]
        else:
            single, wrong = label_names(labels, classes, where)
            told = [(name, None) for name in single]
        problems += wrong
    except ImageError as error:
        problems.append(_no_labels(error, where))
    if not problems and len(images) != len(told):
        problems.append(
            Problem(
                f"{path.name}, {part}",
                f"{len(images)} images and {len(told)} labels",
                "arrays of one length",
                "Save both arrays again from the same list.",
            )
        )
    if problems:
        return [], problems
    return [Entry(path.name, name, part, member, row, labels=names) for row, (name, names) in enumerate(told)], []


def labels_each(
    labels: npt.NDArray[Any], classes: Sequence[str], where: str
) -> tuple[list[tuple[str, ...]], list[Problem]]:
    """Names of all labels of each image, of an array (n, k) of 0 and 1, or why they are none."""
    k = labels.shape[1]
    if labels.dtype.kind not in "iufb" or not np.isin(labels, (0, 1)).all():
        found = f"labels of type {labels.dtype} and shape {labels.shape}, not all of them 0 or 1"
        remedy = "Save 1 where an image has the label, else 0; or the class of every image, (n,)."
        return [], [Problem(where, found, "0 and 1, (n, k), one column a label", remedy)]
    if classes and len(classes) != k:
        found, expected = f"{k} columns", f"{len(classes)}: {', '.join(classes[:12])}"
        return [], [Problem(where, found, expected, "The file is another version; get it anew.")]
    names = classes or [str(number) for number in range(k)]
    return [tuple(name for name, has in zip(names, row, strict=True) if has) for row in labels], []


def _no_labels(error: ImageError, where: str) -> Problem:
    """The problem of labels that cannot be read: they are no images, and what is wrong is said of labels."""
    found = error.problem(where).found
    remedy = "Save text as np.array(labels, dtype=str), or whole numbers."
    return Problem(where, found, EXPECTED, remedy)


def label_names(labels: npt.NDArray[Any], classes: Sequence[str], where: str) -> tuple[list[str], list[Problem]]:
    """Class names of an array of labels (n,) or (n, 1), or why they are none."""
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
