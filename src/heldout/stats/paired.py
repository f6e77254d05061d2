"""Two runs on the same images, and many such pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from heldout.stats.bootstrap import Resamples
from heldout.stats.scores import Reals


def mcnemar(a_right: NDArray[np.bool_], b_right: NDArray[np.bool_]) -> float:
    """Exact two-sided McNemar test that two classifiers are right equally often (McNemar 1947).

    Under that hypothesis each of the images on which exactly one is right is a fair coin; p is the binomial probability
    of a split at least as uneven, doubled. It takes images as independent; where patients have several, it is too sure.

    Args:
        a_right: Which images `a` got right, shape (n,).
        b_right: Likewise `b`.

    Returns:
        p in (0, 1]; 1 when they never differ.

    >>> only_a = np.array([True] * 6 + [False])
    >>> mcnemar(only_a, ~only_a)
    0.125
    """
    only_a = int((a_right & ~b_right).sum())
    only_b = int((~a_right & b_right).sum())
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


SIGNS = 9999
"""Random signs of the randomisation test: p is known to a hundredth of the level (Phipson & Smyth 2010)."""


def randomised(net: Reals, seed: int = 0) -> Reals:
    """Exact-in-the-limit two-sided test that two classifiers do equally well by any weighting of the images.

    Under that hypothesis the two may be exchanged unit by unit: each unit's net points change sign at random (Fisher
    1935). Unlike McNemar's test it takes patients as units, and it follows the weights.

    Args:
        net: Points of `a` minus points of `b` of each unit, shape (u,), or (u, m) for m pairs at once.
        seed: Seed of the signs.

    Returns:
        p in (0, 1], shape (m,): the share of `SIGNS` draws, and the sample itself, that lie as far from 0.
    """
    columns = np.asarray(net, dtype=np.float64).reshape(len(net), -1)  # (u, m)
    found = np.abs(columns.sum(axis=0))
    found = found - 1e-9 * np.abs(columns).sum(axis=0)  # sums that are equal on paper count as equal
    as_far = np.ones(columns.shape[1])
    rng = np.random.default_rng(seed)
    for start in range(0, SIGNS, 256):
        signs = rng.integers(0, 2, (min(256, SIGNS - start), len(columns)), dtype=np.int8).astype(np.float64) * 2 - 1
        as_far += (np.abs(signs @ columns) >= found).sum(axis=0)
    p: Reals = as_far / (SIGNS + 1)
    return p


def resampled_difference(a_right: NDArray[np.bool_], b_right: NDArray[np.bool_], resamples: Resamples) -> Reals:
    """Accuracy of `a` minus that of `b` in each replicate, shape (B,): both on the same drawn patients."""
    difference = a_right.astype(np.float64) - b_right
    gained, drawn = resamples.totals(np.stack([difference, np.ones_like(difference)]))
    result: Reals = gained / drawn
    return result


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction: p-values that keep the chance of any false claim below 5 % when read at 5 %.

    The smallest p is multiplied by their number m, the next by m − 1, and so on; none may fall below the one before.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def spread_points(accuracies: Sequence[float]) -> float | None:
    """Standard deviation (n − 1) of accuracies over seeds, in points; None with fewer than two."""
    return 100 * float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None
