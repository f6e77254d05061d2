"""Sums, means and shares of images that count unequally, for many weightings at once.

Shapes: n images, k classes, B weightings (rows).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heldout.stats.bootstrap import blocks
from heldout.stats.scores import Indices, Reals
from heldout.stats.weights import Weightings, Weights

ROWS = 128
"""Weightings summed at a time at most."""


def shares(labels: Indices, weights: Weights, k: int) -> Reals:
    """Share of each class in each weighting, (B, k); rows sum to 1.

    >>> shares(np.array([0, 0, 1]), np.array([[1, 1, 2]], dtype=np.float32), 2).tolist()
    [[0.5, 0.5]]
    """
    counts = class_sums(np.ones(len(labels)), labels, weights, k)
    result: Reals = counts / counts.sum(axis=1, keepdims=True)
    return result


def recalls(right: NDArray[np.bool_] | Reals, labels: Indices, weights: Weights, k: int) -> Reals:
    """Weighted mean of `right` in each class in each weighting, (B, k); NaN where the weights of a class sum to 0.

    Weights may be negative, so that they can sum to 0 where those of the right images do not.

    >>> recalls(np.array([1, 0]), np.array([0, 0]), np.array([[1, 3], [1, -1]], dtype=np.float32), 1).tolist()
    [[0.25], [nan]]
    """
    whole = class_sums(np.ones(len(labels)), labels, weights, k)
    result: Reals = np.full_like(whole, np.nan)
    np.divide(class_sums(right, labels, weights, k), whole, out=result, where=whole != 0)
    return result


def class_sums(values: NDArray[np.bool_] | Reals, labels: Indices, weights: Weights, k: int) -> Reals:
    """Weighted sums of the images' values by class, (B, k)."""
    columns = np.zeros((len(labels), k), dtype=np.float64)
    columns[np.arange(len(labels)), labels] = values
    return weighted_sums(columns, weights)


def weighted_sums(columns: Reals, weights: Weightings) -> Reals:
    """Sums of columns (n, c) in each weighting, (B, c).

    In float64: where weights are no whole numbers, a float32 product differs by 1e-7 from processor to processor, and
    verdicts are read off the ends of intervals. Some rows at a time, since weights are kept smaller.
    """
    sums = np.empty((len(weights), columns.shape[1]))
    for some in blocks(len(weights), len(columns), ROWS):
        sums[some] = weights[some].astype(np.float64) @ columns
    return sums


def weighted_mean(values: NDArray[np.bool_] | Reals, weights: Weightings) -> Reals:
    """Weighted mean over the images in each weighting, (B,)."""
    sums = weighted_sums(np.asarray(values, dtype=np.float64)[:, None], weights)[:, 0]
    totals = [weights[some].sum(axis=1, dtype=np.float64) for some in blocks(len(weights), len(values))]
    result: Reals = sums / np.concatenate(totals)
    return result
