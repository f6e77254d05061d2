"""Arrays in memory as a cohort, for callers that have their images already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heldout.data.entries import Entry, split_named
from heldout.data.examine.checks import split_problems
from heldout.data.examine.depth import depth_problems
from heldout.data.examine.measure import MeasuredImage, measured_image
from heldout.data.load import identify, notes_of, order_classes
from heldout.errors import InputError, Problem
from heldout.images import ImageError, check_pixels
from heldout.images.reading import grey_if_equal, of_array
from heldout.records import Cohort
from heldout.records.cohort import typed


def cohort_of_arrays(
    X: npt.NDArray[Any],
    y: Sequence[object] | npt.NDArray[np.generic],
    patient: Sequence[object] | npt.NDArray[np.generic] | None = None,
    split: Sequence[str] | npt.NDArray[np.str_] | None = None,
    name: str = "arrays",
    *,
    intensity: str = "",
    channels: str = "",
) -> Cohort:
    """A cohort of images in memory: root is empty, source `memory`, row i is `X[i]`.

    Args:
        X: (n, h, w), (n, h, w, 1) or (n, h, w, 3) uint8; of other depths with a policy, with other channels by choice.
        y: (n,) labels; whole numbers or text.
        patient: (n,) patients, or None.
        split: (n,) `train`, `val` or `test`, or None if a split is to be drawn.
        name: Title of the cohort.
        intensity: As for `heldout.load`.
        channels: As for `heldout.load`.

    Returns:
        The cohort; a split without test images is fine here.

    Raises:
        InputError: Arrays of another kind or of differing lengths, labels missing, a class absent from a part.
    """
    X = np.asarray(X)
    labels = [_text(value) for value in y]
    parts = [""] * len(labels) if split is None else [split_named(str(part)) for part in split]
    images, problems = _images(X, intensity, channels)
    problems = _lengths(X, y, patient, split) + problems + _wrong_values(labels, split, parts)
    if not problems:
        problems += split_problems(list(zip(parts, labels, strict=True)), require_test=False)
    if problems:
        raise InputError(problems, title="The arrays cannot be used as they are")
    frame = pd.DataFrame(
        {
            "content": [image.content for image in images],
            "source": "memory",
            "member": "",
            "row": np.arange(len(X)),
            "label": labels,
            "patient": [""] * len(X) if patient is None else [_text(value) for value in patient],
            "site": "",
            "split": parts,
            "width": X.shape[2],
            "height": X.shape[1],
            "channels": [image.channels for image in images],
            "bits": [image.bits for image in images],
        }
    )
    table = typed(frame.assign(id=identify(frame)))
    notes = tuple(notes_of(table, None))
    classes = order_classes(table["label"])
    return Cohort(name, "", "arrays", classes, table, notes=notes, intensity=intensity, channels=channels)


def _lengths(
    X: npt.NDArray[Any],
    y: Sequence[object] | npt.NDArray[np.generic],
    patient: Sequence[object] | npt.NDArray[np.generic] | None,
    split: Sequence[str] | npt.NDArray[np.str_] | None,
) -> list[Problem]:
    return [
        Problem(word, f"{len(values)} values", f"{len(X)}, one an image of X", "Pass arrays of one length.")
        for word, values in (("y", y), ("patient", patient), ("split", split))
        if values is not None and len(values) != len(X)
    ]


def _images(X: npt.NDArray[Any], intensity: str, channels: str) -> tuple[list[MeasuredImage], list[Problem]]:
    """What is measured of every image, and why it cannot be used."""
    try:
        check_pixels(X, "X", any_depth=True)
        decoded = [grey_if_equal(of_array(image, f"X row {row}")) for row, image in enumerate(X)]
    except ImageError as error:
        return [], [error.problem(error.where)]
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
    problems += [
        Problem(f"y row {row}", "no label", "the name or number of a class", "Fill it in, or drop the row.")
        for row, label in enumerate(labels)
        if not label
    ]
    return problems


def _text(value: object) -> str:
    """A label as text: 1, 1.0, True and np.int64(1) are as they print as whole numbers; None and NaN are missing."""
    if value is None or (isinstance(value, (float, np.floating)) and np.isnan(value)):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()
