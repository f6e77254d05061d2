"""Arrays in memory as a cohort, for callers that have their images already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heldout.data.door import axis_missing, images_of, values_of
from heldout.data.entries import Entry, some, split_named
from heldout.data.examine.checks import split_problems
from heldout.data.examine.depth import depth_problems, policy_notes
from heldout.data.examine.measure import MeasuredImage, measured_image
from heldout.data.labels import label_texts
from heldout.data.tabulate import identify, notes_of, order_classes
from heldout.errors import ArrayError, Problem
from heldout.images import ImageError, check_pixels
from heldout.images.prepare import check_depth
from heldout.images.reading import grey_if_equal, of_array
from heldout.records import Cohort, InputMap
from heldout.records.cohort import typed
from heldout.records.labelling import SEVERAL, SINGLE, Labelling
from heldout.records.labelling.several import joined

SHOWN_ROWS = 8
"""Rows without a label that a problem names."""


def cohort_of_arrays(
    X: npt.NDArray[Any],
    y: Sequence[object] | npt.NDArray[np.generic],
    patient: Sequence[object] | npt.NDArray[np.generic] | None = None,
    split: Sequence[str] | npt.NDArray[np.str_] | None = None,
    name: str = "arrays",
    *,
    intensity: str = "",
    channels: str = "",
    label_names: Sequence[str] = (),
) -> Cohort:
    """A cohort of images in memory: root is empty, source `memory`, row i is `X[i]`.

    Args:
        X: (n, h, w), (n, h, w, 1) or (n, h, w, 3) uint8, or a tensor, which may be (n, 3, h, w); of other depths with
            a policy, with other channels by choice.
        y: (n,) or (n, 1) labels, whole numbers or text; or (n, k) of 0 and 1, one column a label, k of 2 or more: then
            an image has any number of labels.
        patient: (n,) patients, or None.
        split: (n,) `train`, `val` or `test`, or None if a split is to be drawn.
        name: Title of the cohort.
        intensity: As for `heldout.load`.
        channels: As for `heldout.load`.
        label_names: Names of the k columns; by default their numbers.

    Returns:
        The cohort; a split without test images is fine here.

    Raises:
        InputError: Arrays of another kind or of differing lengths, labels missing, a class absent from a part.
    """
    cohort, costs = cohort_and_costs(
        X, y, patient, split, name, intensity=intensity, channels=channels, label_names=label_names
    )
    return replace(cohort, notes=(*cohort.notes, *costs))


def cohort_and_costs(
    X: npt.NDArray[Any],
    y: Sequence[object] | npt.NDArray[np.generic],
    patient: Sequence[object] | npt.NDArray[np.generic] | None = None,
    split: Sequence[str] | npt.NDArray[np.str_] | None = None,
    name: str = "arrays",
    *,
    intensity: str = "",
    channels: str = "",
    label_names: Sequence[str] = (),
) -> tuple[Cohort, tuple[str, ...]]:
    """The cohort of `cohort_of_arrays`, and apart from its notes what the intensity policy costs on these images.

    Raises:
        InputError: As for `cohort_of_arrays`.
    """
    X = images_of(X)
    patient = None if patient is None else values_of(patient)
    labelling, classes, labels, problems = _labels(values_of(y), label_names)
    parts = [""] * len(labels) if split is None else [split_named(str(part)) for part in split]
    images, image_problems = _images(X, intensity, channels)
    of_one_class = labels if labelling is SINGLE else ()
    problems += _lengths(X, y, patient, split) + image_problems + _wrong_values(of_one_class, split, parts)
    if not problems:
        problems += split_problems(list(zip(parts, labels, strict=True)), require_test=False, labelling=labelling)
    refuse(problems)
    frame = pd.DataFrame(
        {
            "content": [image.content for image in images],
            "source": "memory",
            "member": "",
            "row": np.arange(len(X)),
            "label": labels,
            "patient": [""] * len(X) if patient is None else label_texts(patient),
            "site": "",
            "split": parts,
            "width": X.shape[2],
            "height": X.shape[1],
            "channels": [image.channels for image in images],
            "bits": [image.bits for image in images],
        }
    )
    table = typed(frame.assign(id=identify(frame)))
    classes = classes or order_classes(table["label"])
    notes = tuple(notes_of(table, None))
    cohort = Cohort(
        name,
        "",
        "arrays",
        classes,
        table,
        notes=notes,
        intensity=intensity,
        channels=channels,
        labels=labelling.name,
    )
    return cohort, tuple(policy_notes(images, intensity))


def _labels(y: npt.NDArray[Any], names: Sequence[str]) -> tuple[Labelling, tuple[str, ...], list[str], list[Problem]]:
    """How the images are labelled, names in order where columns give it, one text an image, and what is wrong."""
    if y.ndim != 2:
        return SINGLE, (), label_texts(y), []
    k = y.shape[1]
    classes = tuple(names) or tuple(map(str, range(k)))
    numbers = y.dtype.kind in "iufb" and bool(np.isin(y, (0, 1)).all())
    problems = []
    if not numbers:
        found = f"shape {y.shape} of type {y.dtype}, not all of them 0 or 1"
        problems.append(Problem("y", found, "0 and 1, one column a label", "Pass (n,) classes, or 0 and 1."))
    if len(classes) != k or len(set(classes)) != k:
        found, expected = f"{len(classes)} names of labels", f"{k} names, each once, one a column of y"
        problems.append(Problem("label_names", found, expected, "Name every column once."))
    if problems:
        return SEVERAL, classes, [""] * len(y), problems
    return SEVERAL, classes, [joined([classes[c] for c in np.flatnonzero(row)]) for row in y], []


def _lengths(
    X: npt.NDArray[Any],
    y: Sequence[object] | npt.NDArray[np.generic],
    patient: Sequence[object] | npt.NDArray[np.generic] | None,
    split: Sequence[str] | npt.NDArray[np.str_] | None,
) -> list[Problem]:
    n = 1 if axis_missing(X) else len(X)
    return [
        Problem(word, f"{len(values)} values", f"{n}, one an image of X", "Pass arrays of one length.")
        for word, values in (("y", y), ("patient", patient), ("split", split))
        if values is not None and len(values) != n
    ]


def _images(X: npt.NDArray[Any], intensity: str, channels: str) -> tuple[list[MeasuredImage], list[Problem]]:
    """What is measured of every image, and why it cannot be used."""
    problems = wrong_images(X, any_depth=True)
    if problems:
        return [], problems
    decoded = []
    for row, image in enumerate(X):
        try:
            decoded.append(grey_if_equal(of_array(image, f"X row {row}")))
        except ImageError as error:
            problems.append(error.problem(error.where))
    if problems:
        return [], problems
    images = [measured_image(Entry("X", "", row=row), image) for row, image in enumerate(decoded)]
    return images, depth_problems(images, intensity, channels)


def _wrong_values(
    labels: Sequence[str],
    split: Sequence[str] | npt.NDArray[np.str_] | None,
    parts: Sequence[str],
) -> list[Problem]:
    """Names of parts that are not known (empty in `parts`), and labels that are missing."""
    problems = [
        Problem(f"split row {row}", f"the split '{given}'", "train, val or test", "Correct it.")
        for row, given in enumerate(split if split is not None else ())
        if not parts[row]
    ]
    missing = [row for row, label in enumerate(labels) if not label]
    if missing:
        where, found = f"y row {missing[0]}", "no label"
        if len(missing) > 1:
            rows = some([str(row) for row in missing], SHOWN_ROWS)
            where, found = "y", f"no label in {len(missing):,} of {len(labels):,} rows ({rows})"
        remedy = "Fill it in, or drop the row."
        problems.append(Problem(where, found, "the name or number of a class for every image", remedy))
    return problems


def wrong_images(X: npt.NDArray[Any], any_depth: bool = False) -> list[Problem]:
    """What makes an array none of images.

    Args:
        X: The array.
        any_depth: Whether more than 8 bits and k channels are taken too.
    """
    problems = axis_missing(X)
    if not problems:
        try:
            check_pixels(X, "X", any_depth=any_depth)
        except ImageError as error:
            problems.append(error.problem("X"))
    return problems


def of_other_depth(X: npt.NDArray[Any], rule: InputMap | None) -> list[Problem]:
    """What makes new images none of a classifier's: another depth than the images that it learned from.

    Args:
        X: (n, h, w) or (n, h, w, k), as `wrong_images` lets through.
        rule: Of the classifier.
    """
    try:
        for image in X[:1]:  # an array has one type
            check_depth(of_array(image, "X"), rule, "X")
    except ImageError as error:
        return [error.problem("X")]
    return []


def refuse(problems: Sequence[Problem]) -> None:
    """Stop where there are problems.

    Raises:
        ArrayError: There are.
    """
    if problems:
        raise ArrayError(problems, title="The arrays cannot be used as they are")
