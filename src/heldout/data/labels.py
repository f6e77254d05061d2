"""Labels as text, the same for arrays in files and in memory: what is missing, and what is no class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heldout.data.entries import some
from heldout.errors import Problem

EXPECTED = "whole numbers or text, (n,) or (n, 1)"


def label_text(value: object) -> str:
    """A label as text: 1, 1.0, True and np.int64(1) are as they print as whole numbers.

    What is missing is empty: None, NaN, and what pandas and numpy have for it, `pd.NA` and times that are none (NaT).
    Bytes are text in UTF-8, as HDF5 and C programs write it.
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, float | np.floating | np.datetime64 | np.timedelta64) and np.isnan(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return str(value).strip()


def column_of(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(n, 1) as (n,); anything else as it is."""
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


def label_problems(labels: npt.NDArray[Any], where: str) -> list[Problem]:
    """What makes an array (n,) of labels none: numbers between whole ones, other types, missing values.

    Args:
        labels: The array.
        where: How to name it.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iubUSfO":
        found = f"labels of type {labels.dtype} and shape {labels.shape}"
        return [Problem(where, found, EXPECTED, "Save the class of every image as a number from 0 on.")]
    missing = [row for row, value in enumerate(labels) if not label_text(value)]
    problems = []
    if missing:
        rows = some([str(row) for row in missing], 8)
        problems.append(
            Problem(
                where,
                f"no label in {len(missing):,} of {len(labels):,} rows ({rows})",
                "the name or number of a class for every image",
                "Fill it in, or drop the rows from labels and images.",
            )
        )
    between = [
        value for value in labels if isinstance(value, float | np.floating) and value % 1 not in (0,) and value == value
    ]
    if between:
        found = f"labels of type {labels.dtype}, such as {between[0]:g}"
        problems.append(Problem(where, found, EXPECTED, "Save the class of every image as a number from 0 on."))
    return problems


def label_texts(labels: npt.NDArray[Any] | Sequence[object]) -> list[str]:
    """Every label as text; missing ones empty."""
    return [label_text(value) for value in labels]
