"""A number together with its bootstrap replicates: sums and differences keep their dependence, and so stay exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from heldout.records import Estimate
from heldout.stats.bootstrap import percentile_interval, varies
from heldout.stats.few import FewUnits, jeffreys, spread, spread_words
from heldout.stats.intervals import Z95, normal_quantile
from heldout.stats.scores import Reals


@dataclass(frozen=True)
class Measured:
    """A value and what it would have been on other patients.

    Attributes:
        value: The value, in points unless said otherwise.
        replicates: The same statistic on each bootstrap replicate, shape (B,).
        n: Number of images it rests on.
        method: How the replicates were made, in a few words.
        few: The draws of few units behind them, which tell how far they are spread for the interval; None where no
            replicate comes of a draw.
        level: Chance of the interval to miss; 0.05 for 95 %.
    """

    value: float
    replicates: Reals
    n: int
    method: str
    few: FewUnits | None = None
    level: float = 0.05

    @classmethod
    def constant(cls, value: float, like: Measured) -> Measured:
        """A number that does not vary: a term that is zero because its cause cannot have acted."""
        return cls(value, np.full_like(like.replicates, value), like.n, "exact", like.few)

    def __add__(self, other: Measured) -> Measured:
        replicates, n = self.replicates + other.replicates, max(self.n, other.n)
        level = min(self.level, other.level)
        return Measured(self.value + other.value, replicates, n, self.method, self.few or other.few, level)

    def __sub__(self, other: Measured) -> Measured:
        return self + other * -1.0

    def __mul__(self, factor: float) -> Measured:
        return replace(self, value=self.value * factor, replicates=self.replicates * factor)

    @cached_property
    def factor(self) -> float:
        """How far replicates are spread for few units: a sum has its own factor, and its replicates stay exact."""
        return 1.0 if self.few is None else self.few.factor(self.replicates, self.level)

    @property
    def error(self) -> float:
        """Standard error: the standard deviation of the replicates, spread for few units."""
        return float(np.nanstd(self.replicates)) * self.factor

    def interval(self) -> tuple[float, float]:
        """The 2.5 % and 97.5 % percentiles of the finite replicates, widened to the value; (value, value) if none.

        Spread about the value where units are few, and at another level than 0.05 by the ratio of normal quantiles.
        """
        return self._ends

    @cached_property
    def _ends(self) -> tuple[float, float]:
        if not np.isfinite(self.replicates).any():
            return self.value, self.value
        factor = self.factor * normal_quantile(self.level) / Z95
        return percentile_interval(spread(self.value, self.replicates, factor), self.value)

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.interval()[0]

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.interval()[1]

    @property
    def varies(self) -> bool:
        """Whether the replicates differ at all."""
        return varies(self.replicates)

    def estimate(self) -> Estimate:
        """Value and interval."""
        low, high = self.interval()
        return Estimate(self.value, low, high, max(self.n, 1), self.method + spread_words(self.factor))


def recentred(value: float, replicates: Reals) -> Reals:
    """Replicates moved so that their mean is the value.

    A statistic that contains a maximum (the best epoch, the best threshold) is larger on a bootstrap sample than on the
    sample itself, since drawn patients stand in it several times; the shift of the whole cloud is not uncertainty
    (Efron & Tibshirani 1993, ch. 10, the bootstrap estimate of bias).
    """
    shift = value - float(np.nanmean(replicates)) if np.isfinite(replicates).any() else 0.0
    moved: Reals = replicates + shift
    return moved


def never_certain(points: Measured, units: int) -> Measured:
    """An accuracy in points with a doubt even where all images are right, or all wrong, and no replicate differs.

    Draws of the accuracy of so many units under Jeffreys' prior then stand in for the replicates, since otherwise 30
    images would seem to know as much as 3000.
    """
    if points.varies:
        return points
    drawn = 100 * jeffreys(points.value / 100, units, len(points.replicates))
    return replace(points, replicates=drawn, method=f"Jeffreys' prior on {units} units", few=None)


def simultaneous(points: Measured, comparisons: int, level: float = 0.05) -> Measured:
    """The same number with an interval that holds for all of so many comparisons at once (Bonferroni).

    The largest of several effects is chosen because it is the largest; its own interval would raise a false alarm as
    often as there are others.

    Args:
        points: The number.
        comparisons: How many there were.
        level: Chance of any false alarm among them.
    """
    if comparisons <= 1:
        return points
    method = f"{points.method}, Bonferroni for {comparisons}"
    return replace(points, level=level / comparisons, method=method)


def mean_over_seeds(each: Sequence[Measured], spread_of: Sequence[Measured], seed: int) -> Measured:
    """Mean over runs, its interval holding both the patients' and the seeds' share.

    To each replicate's mean is added spread/√m times a draw from Student's t: with few seeds their spread is itself
    hardly known.

    Args:
        each: One number a run, from the same bootstrap; m of them.
        spread_of: The numbers whose standard deviation stands for the spread of seeds, at least two.
        seed: Seed of the draws.
    """
    value = float(np.mean([one.value for one in each]))
    replicates = np.mean([one.replicates for one in each], axis=0)
    deviation = float(np.std([one.value for one in spread_of], ddof=1))
    drawn = luck_of_seeds(deviation / np.sqrt(len(each)), len(spread_of) - 1, len(replicates), seed)
    method = f"{each[0].method}, {len(each)} seeds"
    return Measured(value, replicates + drawn, each[0].n, method, each[0].few)


def luck_of_seeds(deviation: float, spare: int, draws: int, seed: int) -> Reals:
    """Draws of what other seeds would have made of a number, (draws,): a deviation times Student's t.

    Args:
        deviation: Standard deviation of the number over seeds, as it was estimated.
        spare: Degrees of freedom of that estimate, at least 1.
        draws: How many.
        seed: Seed of the draws.
    """
    drawn = np.random.default_rng((seed, 23)).standard_t(spare, draws)
    drawn = np.clip(drawn, -50, 50)  # two seeds: Cauchy; its farthest draws would only spoil the arithmetic
    result: Reals = deviation * drawn
    return result
