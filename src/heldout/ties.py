"""Ties: a choice between equals must not hang on rounding.

The last digits of a sum depend on the order of its terms, and that on the processor: on the kernel of the linear
algebra library, on the number of threads, on the width of vectors. Candidates that are equal on paper then differ by a
hair, and a bare argmax, sort or `> 0` picks one of them by accident. The rules, which all choices share:

1. Candidates within a tolerance of the best are equal, and the first of them in their own order is chosen. It is what
   the program promises wherever it chooses for real (the earlier epoch, the stronger regularisation, the first class),
   so that a choice that is made again, as the selection term does, is made in the same way.
2. Scores that lie closer together than the tolerance are tied: they share a rank, and no cut runs between them.
3. A number is rounded (`settled`) before it is held against a limit, or against 0.

Sums of whole numbers are exact in any order and need none of this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Indices = NDArray[np.int64]
Reals = NDArray[np.float64]

SAME = 1e-8
"""Numbers closer than this, relative to the largest of them, are equal. Sums in float64 differ by 1e-13 or less between
processors, and two float32 numbers that differ at all by 6e-8 or more (half of `numpy.finfo(numpy.float32).eps`)."""

SAME_SCORE = 1e-6
"""Log-odds closer than this, relative to the largest, are equal where they come from float32 logits: each of these is
rounded by 6e-8, and of votes of neighbours the log-odds that are equal on paper differ by that."""

SAME_LOSS = 1e-6
"""Mean losses closer than this, in nats, are equal: of float32 logits of 10 the loss is known to about 1e-6 and no
better, and another processor gives other last digits."""

DIGITS = 9
"""Decimals that `settled` keeps: points and shares are told to one or two, and rounding moves the 13th."""

K = TypeVar("K")


def first_of_largest(values: ArrayLike, axis: int = -1, tolerance: ArrayLike | None = None) -> Indices:
    """Place of the first value along an axis that is as large as any, up to a tolerance.

    Args:
        values: Any shape; NaN is never the largest.
        axis: Along which the place is wanted.
        tolerance: How far below the largest a value counts as equal to it: a number, or one for each place of the
            other axes. None: `SAME` of the largest magnitude along the axis.

    Returns:
        The shape of `values` without the axis. 0 where all are NaN.

    >>> first_of_largest([0.3, 0.1 + 0.2, 0.0]).item()
    0
    """
    table = np.asarray(values, dtype=np.float64)
    if tolerance is None:
        tolerance = SAME * np.abs(table).max(axis=axis, initial=0.0, where=np.isfinite(table))
    largest = np.fmax.reduce(table, axis=axis) - np.asarray(tolerance)  # fmax passes over NaN
    places: Indices = np.asarray((table >= np.expand_dims(largest, axis)).argmax(axis=axis), dtype=np.int64)
    return places


def first_best(candidates: Iterable[K], value: Callable[[K], float], tolerance: float | None = None) -> K:
    """The candidate of the largest value; of equals the first.

    Args:
        candidates: One or more.
        value: Of a candidate, larger is better.
        tolerance: As of `first_of_largest`.

    Raises:
        ValueError: No candidate.

    >>> first_best({"a": 0.1 + 0.2, "b": 0.3}, {"a": 0.3, "b": 0.1 + 0.2}.__getitem__)
    'a'
    """
    known = list(candidates)
    if not known:
        raise ValueError("expected one or more candidates, found none")
    return known[int(first_of_largest([value(one) for one in known], tolerance=tolerance))]


def levels(values: ArrayLike, tolerance: float | None = None) -> Indices:
    """Number of the level of each value, ascending from 0: values that are equal up to a tolerance share one.

    What to sort, rank and count instead of the values themselves.

    Args:
        values: (n,) without NaN.
        tolerance: Neighbours no further apart than this share a level, unless many in a row would make it wider than
            this. None: `SAME` of the largest finite magnitude.

    Returns:
        (n,).

    >>> levels([0.3, 7.0, 0.1 + 0.2, -1.0]).tolist()
    [1, 2, 1, 0]
    """
    flat = np.asarray(values, dtype=np.float64)
    if not len(flat):
        return np.zeros(0, dtype=np.int64)
    slack = SAME * np.abs(flat[np.isfinite(flat)]).max(initial=0.0) if tolerance is None else tolerance
    order = np.argsort(flat, kind="stable")
    ascending = flat[order]
    # Compared, not subtracted: the difference of two infinities is none.
    rises = ascending[1:] > ascending[:-1] + slack
    run = np.concatenate([[0], np.cumsum(rises)])  # values that hang together
    first = ascending[np.concatenate([[True], rises])][run]
    with np.errstate(invalid="ignore"):
        within = np.nan_to_num((ascending - first) / slack if slack > 0 else np.zeros(len(flat)), posinf=0.0)
    # A long run of close values, as of very many images, is parted; a run no wider than the tolerance is one level.
    part = np.ceil(within - 1.0 - SAME).clip(0.0)
    rises = (run[1:] != run[:-1]) | (part[1:] != part[:-1])
    numbers = np.empty(len(flat), dtype=np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(rises)])
    return numbers


def in_order(values: ArrayLike, *, descending: bool = False, tolerance: float | None = None) -> Indices:
    """Places of values from small to large, or from large to small; equals (see `levels`) stay in their own order.

    >>> in_order([0.3, 0.1 + 0.2, 7.0], descending=True).tolist()
    [2, 0, 1]
    """
    numbers = levels(values, tolerance)
    places: Indices = np.argsort(-numbers if descending else numbers, kind="stable")
    return places


def midranks(values: ArrayLike) -> Reals:
    """Rank of each value among all of them, from 1 on; equal values share the mean of their ranks.

    As `scipy.stats.rankdata`, whose module takes half a second to import.

    Args:
        values: (n,) without NaN; equal means equal to the last bit, so scores want `levels` first.

    Returns:
        (n,).

    >>> midranks([0.3, 7.0, 0.3, -1.0]).tolist()
    [2.5, 4.0, 2.5, 1.0]
    """
    _, own, counts = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    ranks: Reals = (np.cumsum(counts) - (counts - 1) / 2)[own]
    return ranks


def settled(value: float, digits: int = DIGITS) -> float:
    """A number rounded to so many decimals, to be held against a limit; never −0.

    >>> settled(0.1 + 0.2 - 0.3), settled(1.5 - 1e-13)
    (0.0, 1.5)
    """
    return round(float(value), digits) + 0.0
