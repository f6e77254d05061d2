"""A number together with its bootstrap replicates: sums and differences keep their dependence, and so stay exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heldout.records import Estimate
from heldout.stats.bootstrap import percentile_interval
from heldout.stats.scores import Reals


@dataclass(frozen=True)
class Measured:
    """A value and what it would have been on other patients.

    Attributes:
        value: The value, in points unless said otherwise.
        replicates: The same statistic on each bootstrap replicate, shape (B,).
        n: Number of images it rests on.
        method: How the replicates were made, in a few words.
    """

    value: float
    replicates: Reals
    n: int
    method: str

    @classmethod
    def constant(cls, value: float, like: Measured) -> Measured:
        """A number that does not vary: a term that is zero because its cause cannot have acted."""
        return cls(value, np.full_like(like.replicates, value), like.n, "exact")

    def __add__(self, other: Measured) -> Measured:
        return Measured(self.value + other.value, self.replicates + other.replicates, max(self.n, other.n), self.method)

    def __sub__(self, other: Measured) -> Measured:
        return self + other * -1.0

    def __mul__(self, factor: float) -> Measured:
        return Measured(self.value * factor, self.replicates * factor, self.n, self.method)

    def interval(self) -> tuple[float, float]:
        """The 2.5 % and 97.5 % percentiles of the finite replicates, widened to the value; (value, value) if none."""
        if not np.isfinite(self.replicates).any():
            return self.value, self.value
        return percentile_interval(self.replicates, self.value)

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.interval()[0]

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.interval()[1]

    def estimate(self) -> Estimate:
        """Value and interval."""
        low, high = self.interval()
        return Estimate(self.value, low, high, max(self.n, 1), self.method)


def recentred(value: float, replicates: Reals) -> Reals:
    """Replicates moved so that their mean is the value.

    A statistic that contains a maximum (the best epoch, the best threshold) is larger on a bootstrap sample than on the
    sample itself, since drawn patients stand in it several times; the shift of the whole cloud is not uncertainty
    (Efron & Tibshirani 1993, ch. 10, the bootstrap estimate of bias).
    """
    shift = value - float(np.nanmean(replicates)) if np.isfinite(replicates).any() else 0.0
    moved: Reals = replicates + shift
    return moved
