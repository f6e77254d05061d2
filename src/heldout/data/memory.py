"""Arrays in memory as a cohort, for callers that have their images already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from heldout.data.door import axis_missing, images_of, values_of
from heldout.data.entries import split_named
from heldout.data.examine.checks import split_problems
from heldout.data.labels import label_text, label_texts
from heldout.data.load import identify, notes_of, order_classes
from heldout.errors import InputError, Problem
from heldout.images import ImageError, check_pixels, content_hash
from heldout.images.reading import as_grey
from heldout.records import Cohort
from heldout.records.cohort import typed


def cohort_of_arrays(
    X: npt.NDArray[np.uint8],
    y: Sequence[object] | npt.NDArray[np.generic],
    patient: Sequence[object] | npt.NDArray[np.generic] | None = None,
    split: Sequence[str] | npt.NDArray[np.str_] | None = None,
    name: str = "arrays",
) -> Cohort:
    """A cohort of images in memory: root is empty, source `memory`, row i is `X[i]`.

    Args:
        X: (n, h, w), (n, h, w, 1) or (n, h, w, 3) uint8; or a tensor, which may be (n, 3, h, w).
        y: (n,) or (n, 1) labels; whole numbers or text.
        patient: (n,) patients, or None.
        split: (n,) `train`, `val` or `test`, or None if a split is to be drawn.
        name: Title of the cohort.

    Returns:
        The cohort; a split without test images is fine here.

    Raises:
        InputError: Arrays of another kind or of differing lengths, labels missing, a class absent from a part.
    """
    X, y = images_of(X), values_of(y)
    patient = None if patient is None else values_of(patient)
    labels = label_texts(y)
    parts = [""] * len(labels) if split is None else [split_named(str(part)) for part in split]
    problems = _lengths(X, y, patient, split) + _wrong_values(X, labels, split, parts)
    if not problems:
        problems += split_problems(list(zip(parts, labels, strict=True)), require_test=False)
    refuse(problems)
    colour = X.ndim == 4 and X.shape[-1] == 3
    pixels = [as_grey(image) for image in X]
    frame = pd.DataFrame(
        {
            "content": [content_hash(image) for image in pixels],
            "source": "memory",
            "member": "",
            "row": np.arange(len(X)),
            "label": labels,
            "patient": [""] * len(X) if patient is None else [label_text(value) for value in patient],
            "site": "",
            "split": parts,
            "width": X.shape[2],
            "height": X.shape[1],
            "channels": [image.shape[2] if colour and image.ndim == 3 else 1 for image in pixels],
            "bits": 8,
        }
    )
    table = typed(frame.assign(id=identify(frame)))
    return Cohort(name, "", "arrays", order_classes(table["label"]), table, notes=tuple(notes_of(table, None)))


def _lengths(
    X: npt.NDArray[np.uint8],
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


def _wrong_values(
    X: npt.NDArray[np.uint8],
    labels: Sequence[str],
    split: Sequence[str] | npt.NDArray[np.str_] | None,
    parts: Sequence[str],
) -> list[Problem]:
    """Pixels that are none, names of parts that are not known (empty in `parts`), and labels that are missing."""
    problems = wrong_images(X)
    problems += [
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


def wrong_images(X: npt.NDArray[np.uint8]) -> list[Problem]:
    """What makes an array none of images."""
    problems = axis_missing(X)
    if not problems:
        try:
            check_pixels(X, "X")
        except ImageError as error:
            problems.append(error.problem("X"))
    return problems


def refuse(problems: Sequence[Problem]) -> None:
    """Stop where there are problems.

    Raises:
        InputError: There are.
    """
    if problems:
        raise InputError(problems, title="The arrays cannot be used as they are")
