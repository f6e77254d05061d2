"""What Python code hands over: lists, arrays, columns of frames, tensors of PyTorch; and what is none of these."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heldout.data.labels import label_text
from heldout.errors import ArrayError, Problem

COLOURS = (1, 3)


def is_tensor(values: object) -> bool:
    """Whether this is a tensor of PyTorch, which is not imported for that."""
    return hasattr(values, "detach") and hasattr(values, "cpu")


def images_of(X: Any) -> npt.NDArray[Any]:
    """Images as an array; those of a tensor (n, c, h, w), PyTorch's order, as (n, h, w, c).

    Args:
        X: An array, anything that becomes one, or a tensor on any device.

    Raises:
        ArrayError: It is no array: images of several sizes, a sparse matrix, a single value.
    """
    if not is_tensor(X):
        try:
            made = np.asarray(X)
        except (ValueError, TypeError) as error:  # numpy's words tell of shapes of nested lists
            raise no_array(X, "values that make no array, such as images of several sizes") from error
        if made.ndim == 0:
            raise no_array(X, f"a value of type {type(X).__name__}")
        return made
    array: npt.NDArray[Any] = X.detach().cpu().numpy()
    first = array.ndim == 4 and array.shape[1] in COLOURS and array.shape[-1] not in COLOURS
    return np.moveaxis(array, 1, -1) if first else array


def no_array(X: Any, found: str) -> ArrayError:
    """What is said of images that are no array at all."""
    expected = "an array of images of one size, (n, h, w), (n, h, w, 1) or (n, h, w, 3)"
    remedy = "Resize them alike; or leave them in files, which may differ: heldout.load, heldout.Study."
    return ArrayError([Problem("X", found, expected, remedy)], title="The arrays cannot be used as they are")


def values_of(y: Any) -> npt.NDArray[Any]:
    """Labels, patients or parts as an array (n,), from (n,) or (n, 1); what is missing stays missing.

    numpy makes the text `nan` of a NaN among texts; here it stays a NaN.
    """
    array: npt.NDArray[Any]
    if is_tensor(y):
        array = y.detach().cpu().numpy()
    else:
        array = y if isinstance(y, np.ndarray) else np.asarray(y)
        if array.dtype.kind in "US" and not isinstance(y, np.ndarray):
            texts = [value for value in y if not isinstance(value, str | bytes)]
            array = np.array(list(y), dtype=object) if texts and array.ndim == 1 else array
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def axis_missing(X: npt.NDArray[Any]) -> list[Problem]:
    """The problem of one image that was passed as if it were many.

    (h, w, 3) would pass for h grey images of 3 pixels width.
    """
    colour = X.ndim == 3 and X.shape[-1] in COLOURS and X.shape[1] > X.shape[-1]
    if X.ndim != 2 and not colour:
        return []
    return [
        Problem(
            "X",
            f"one image {X.shape}, without the axis that counts images",
            "an array of images (n, h, w), (n, h, w, 1) or (n, h, w, 3)",
            "Pass X[None] for one image, and its label in a list.",
        )
    ]


def mixed(labels: npt.NDArray[Any]) -> list[Problem]:
    """The problem of labels of several types, which have no order."""
    kinds = sorted({type(value).__name__ for value in labels if label_text(value)}) if labels.dtype == object else []
    if len(kinds) < 2 or set(kinds) <= {"int", "float", "bool"}:
        return []
    return [Problem("y", f"labels of the types {', '.join(kinds)}", "labels of one type", "Make all of them text.")]
