"""One `.npz` file in MedMNIST's layout: `train_images`, `train_labels`, `val_…`, `test_…`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from heldout.data.entries import Draft, Entry, Reader, some, split_named
from heldout.data.labels import EXPECTED, column_of, label_problems, label_texts
from heldout.errors import Problem
from heldout.images import ImageError, check_pixels, open_archive, open_array
from heldout.progress import Reporter
from heldout.records import PARTS

NAMES = "label_names"
"""Array of text that names the labels; MedMNIST's own files have none."""


MEMBER = re.compile(r"(.+?)[\s_.-]*(images|labels)", re.IGNORECASE)
"""Name of an array of images or of labels, `Validation_images`: a part of the split, and which of the two."""


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
    named = _by_part(members)
    for part in PARTS:
        images, labels = named[part, "images"], named[part, "labels"]
        if len(images) == len(labels) == 1:
            found, wrong = _part(path, part, images[0], labels[0], classes)
            entries += found
            problems += wrong
        else:
            problems += _unpaired(path.name, part, images, labels)
    problems += [_of_no_part(path.name, member) for member in named["", "images"]]
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
    read = [name for (part, kind), names in named.items() if part or kind == "images" for name in names]
    unread = [member for member in members if member not in read and not (classes and member == NAMES)]
    notes = (f"Arrays of {path.name} that are not read: {some(unread, 12)}.",) * bool(unread)
    order = _in_order(entries, classes)
    return Draft(path.stem, path.parent, tuple(entries), tuple(problems), classes=order, notes=notes)


def _by_part(members: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """(part, `images` or `labels`) -> arrays that are called so; the part is empty where the name tells none."""
    named: dict[tuple[str, str], list[str]] = {
        (part, kind): [] for part in (*PARTS, "") for kind in ("images", "labels")
    }
    for member in members:
        if match := MEMBER.fullmatch(member):
            named[split_named(match[1]), match[2].lower()].append(member)
    return named


def _unpaired(file: str, part: str, images: Sequence[str], labels: Sequence[str]) -> list[Problem]:
    """Why the arrays of a part are not one of images and one of labels; nothing where there are none."""
    problems = []
    for present, own, other in ((images, "images", "labels"), (labels, "labels", "images")):
        if len(present) > 1:
            expected = f"one array of {own} for {part}"
            problems.append(Problem(file, " and ".join(present), expected, "Join them, or drop all but one."))
        if present and not (labels if own == "images" else images):
            absent = re.sub(f"{own}$", other, present[0], flags=re.IGNORECASE)
            remedy = f"Add {absent}, or drop {present[0]}."
            problems.append(Problem(file, f"{present[0]} without {absent}", "both", remedy))
    return problems


def _of_no_part(file: str, member: str) -> Problem:
    """The problem of images whose name tells no part of the split."""
    remedy = "Rename it and its labels, or drop both."
    return Problem(file, f"the array {member}", "the name of a part in front: train, val or test", remedy)


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


def _part(
    path: Path, part: str, member: str, labels_member: str, classes: Sequence[str]
) -> tuple[list[Entry], list[Problem]]:
    where = f"{path.name} [{member}]"
    problems: list[Problem] = []
    try:
        images = open_array(path, member)
        check_pixels(images, where, any_depth=True)
    except ImageError as error:
        problems.append(error.problem(where))
    where = f"{path.name} [{labels_member}]"
    told: list[tuple[str, tuple[str, ...] | None]] = []
    try:
        labels = open_array(path, labels_member)
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
