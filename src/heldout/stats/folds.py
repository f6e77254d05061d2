"""Differences of two runs over the folds of a cross-validation, which share most of their training images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit


@dataclass(frozen=True)
class FoldsDifference:
    """What the folds say of the difference of two ways of learning, in the unit of the differences given.

    Attributes:
        value: Mean difference over the folds.
        low: Lower end of its interval, of 95 % unless asked otherwise.
        high: Upper end.
        p: Two-sided p that the two learn equally well; 1 where the folds do not differ, since nothing is then known of
            their spread.
        error: Standard error, corrected for the training images that folds share.
        folds: Number J of differences.
        varies: Whether the folds differ at all. Where they do not, the interval has no width, and whoever tells it has
            to take another.
    """

    value: float
    low: float
    high: float
    p: float
    error: float
    folds: int
    varies: bool

    @property
    def method(self) -> str:
        """What the interval is called."""
        return f"corrected resampled t, {self.folds} folds"


def corrected_t(
    differences: ArrayLike,
    n_train: ArrayLike,
    n_test: ArrayLike,
    weights: ArrayLike | None = None,
    level: float = 0.05,
) -> FoldsDifference:
    """Corrected resampled t of per-fold differences (Nadeau & Bengio, Machine Learning 2003).

    The standard error is s √(1/J + n_test/n_train) with J − 1 degrees of freedom. A plain t has s √(1/J), as if folds
    were independent, and more repeats would make it as sure as one likes. n_test/n_train stands for the correlation of
    two folds, which no cross-validation can show (Bengio & Grandvalet 2004); it is their approximation, not a bound.

    Args:
        differences: d_j of each fold, (J,), J = folds × repeats of 2 or more: score of `a` minus that of `b` there.
        n_train: Training images (or patients, if all numbers are of patients) of each fold, (J,), or one number.
        n_test: Held-out ones likewise. The ratio is that of the sums over folds, 1/(k − 1) of k folds, however unequal.
        weights: What each fold counts, (J,): with the number of its held-out images the value is the difference over
            all out-of-fold predictions. None: all alike. s² is then the weighted variance times J/(J − 1).
        level: Chance of the interval to miss; 0.05 for 95 %.

    Raises:
        ValueError: Fewer than two folds, numbers that are not finite, sizes or weights that are not above 0.

    >>> found = corrected_t([0.02, 0.04, 0.00, 0.03, 0.01], n_train=80, n_test=20)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3), round(found.p, 3)
    (0.02, -0.009, 0.049, 0.132)
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1 or len(d) < 2 or not np.isfinite(d).all():
        raise ValueError(f"expected finite differences of two folds or more, found {d.tolist()}")
    j = len(d)
    train, held_out, w = (_each(values, j) for values in (n_train, n_test, 1.0 if weights is None else weights))
    w = w / w.sum()
    value = float(w @ d)
    variance = float(w @ (d - value) ** 2) * j / (j - 1)
    error = math.sqrt(variance * (1 / j + float(held_out.sum() / train.sum())))
    varies = float(np.ptp(d)) > 1e-12
    if not varies:
        return FoldsDifference(value, value, value, 1.0, 0.0, j, False)
    half = float(stdtrit(j - 1, 1 - level / 2)) * error
    return FoldsDifference(
        value, value - half, value + half, float(2 * stdtr(j - 1, -abs(value) / error)), error, j, True
    )


def _each(values: ArrayLike, j: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """One number a fold, above 0."""
    each = np.broadcast_to(np.asarray(values, dtype=np.float64), (j,))
    if not np.isfinite(each).all() or (each <= 0).any():
        raise ValueError(f"expected numbers above 0, one or one of each of {j} folds, found {each.tolist()}")
    return each
