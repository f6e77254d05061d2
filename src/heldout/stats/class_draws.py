"""How much an accuracy varies because patients, drawn anew, bring other classes with them.

The bootstrap of this project draws patients within their class (`stats.bootstrap`), so that its intervals hold at the
class shares that the parts have. Where classes are recalled very differently, shares that differ by the luck of a draw
are worth points too. An accuracy is then a mean over images of the recall of their class, whose error with patients as
clusters is that of a ratio (Cochran 1977, §9A.2).
"""

from __future__ import annotations

from math import hypot, sqrt

import numpy as np

from heldout.records import Estimate
from heldout.stats.intervals import Z95
from heldout.stats.scores import Indices, Reals


def error_of_shares(labels: Indices, units: Indices, recalls: Reals, weights: Reals | None = None) -> float:
    """Standard error of Σ_k π_k recall_k, at these recalls, over draws of units whatever their classes.

    Args:
        labels: Class of each image, (n,).
        units: Number of the patient of each image, (n,).
        recalls: Recall of each class, (k,); NaN for a class without images counts 0.
        weights: What each image counts, (n,); alike by default.

    Returns:
        A fraction; 0 for fewer than two units.

    >>> one_each = error_of_shares(np.repeat([0, 1], 50), np.arange(100), np.array([0.9, 0.5]))
    >>> bool(np.isclose(one_each, 0.2 / np.sqrt(99)))
    True
    """
    score = np.nan_to_num(recalls)[labels]
    weight = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = weight.sum()
    number = len(np.unique(units))
    if number < 2 or total <= 0:
        return 0.0
    residual = weight * (score - (weight * score).sum() / total)
    _, unit = np.unique(units, return_inverse=True)
    sums = np.bincount(unit, weights=residual)
    return sqrt(number / (number - 1) * float((sums**2).sum())) / float(total)


def redrawn(estimate: Estimate, error: float) -> Estimate:
    """The interval that holds whatever classes the drawn patients have: both half-widths joined with a further error.

    Args:
        estimate: At the class shares as they are.
        error: Standard error by the shares, in its unit.

    >>> wider = redrawn(Estimate(6.0, 3.0, 9.0, 100, "bootstrap"), 4 / Z95)
    >>> round(wider.low, 6), round(wider.high, 6)
    (1.0, 11.0)
    """
    below = hypot(estimate.value - estimate.low, Z95 * error)
    above = hypot(estimate.high - estimate.value, Z95 * error)
    method = f"{estimate.method}, class shares drawn too"
    return Estimate(estimate.value, estimate.value - below, estimate.value + above, estimate.n, method)
