"""What few patients can say: the corrections without which an interval from few of them is too narrow.

Three rules, each chosen by how often intervals then hold the truth (benchmarks/interval_coverage.py; the table is in
docs/statistics.md):

- a share (accuracy, recall) of images of known patients counts as many independent images as `effective_images` says,
  an AUC as many patients as `effective_of_area` says;
- replicates of a bootstrap are spread about their value as far as their variance comes from strata of fewer than `FEW`
  units (`FewUnits`);
- what was never seen is not impossible: where no replicate differs, `jeffreys` gives draws that do, and `unseen`
  (stats/intervals.py) how frequent it may still be.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from heldout.stats.intervals import Z95, normal_quantile, unseen
from heldout.stats.scores import Indices, Reals
from heldout.stats.units import Units

FEW = 60
"""Units of a stratum from which on its variance counts as known: there the factor is 1.03, and percentiles hold the
truth in 93 of 100 studies (docs/statistics.md)."""

KNOWN = 1e9
"""Degrees of freedom of a variance that counts as known."""

ALIKE_UNITS = 2
"""Units of which all images are alike, half of them right, that are added to those seen when the effective number of
images is computed: the fewest with which every world of 12 to 200 patients is held in nine of ten studies
(docs/statistics.md, table f)."""


@dataclass(frozen=True)
class FewUnits:
    """The draws of the units that stand in strata of few, which tell how far to spread what was computed on them.

    A bootstrap of m units of a stratum has (m − 1)/m of the variance that they have as a sample (Rao & Wu 1988), and
    percentiles take that variance for known, while it has m − 1 degrees of freedom. What that does to a number depends
    on how much of its variance comes from which stratum: three patients of one class may be all that a recall, and
    nothing that a calibration, depends on. The part V_s of a stratum is told by the replicates themselves, as the sum
    of the squared covariances with how often each unit was drawn (the infinitesimal jackknife: Efron 2014), less what
    so many replicates show by chance (Wager, Hastie & Efron 2014). With the rest V₀ of the variance, which comes from
    strata of `FEW` or more,

        V = V₀ + Σ_s V_s      V′ = V₀ + Σ_s V_s m_s/(m_s − 1)      ν = V′² / Σ_s ((V_s m_s/(m_s − 1))² / (m_s − 1))

    are the variance of the replicates, that of the number, and its degrees of freedom (Satterthwaite 1946). What few
    show may be little by luck. So where a part has u < `FEW` units in s strata, V′/V is no less than u/(u − s) and ν no
    more than u − s, which is what strata alike would have (Davison & Hinkley 1997, §2.3.2).

    Attributes:
        counts: How often each unit of a stratum of 2 … `FEW` − 1 was drawn, (u′, B), stratum by stratum.
        first: Row of the first unit of each such stratum, (s,).
        spare: m_s − 1 of each, (s,).
        alone: Whether no other stratum varies.
        least: u/(u − s) of the part in which that is largest, and 1 where no part has few units.
        most: u − s of it.
    """

    counts: NDArray[np.uint8]
    first: Indices
    spare: Reals
    alone: bool
    least: float = 1.0
    most: float = KNOWN

    @classmethod
    def of(cls, units: Units, counts: NDArray[np.uint8], part: Indices | None = None) -> FewUnits:
        """Those of some draws.

        Args:
            units: The units that were drawn, u of them.
            counts: How often, (u, B).
            part: Part of each unit, (u,), where several were drawn together; None for one.
        """
        least, most = _fewest(units, np.zeros(len(units), dtype=np.int64) if part is None else part)
        number = np.bincount(units.stratum)
        strata = np.flatnonzero((number > 1) & (number < FEW))
        own = np.flatnonzero(np.isin(units.stratum, strata))
        own = own[np.argsort(units.stratum[own], kind="stable")]
        first = np.concatenate([[0], np.cumsum(number[strata])])[:-1].astype(np.int64)
        spare = (number[strata] - 1).astype(np.float64)
        return cls(counts[own], first, spare, not (number >= FEW).any(), least, most)

    def factor(self, replicates: Reals, level: float = 0.05) -> float:
        """`factors` of one number, from its replicates (B,).

        Sixty patients of one class beside three of another, one number for each class:

        >>> from heldout.stats.bootstrap import draw
        >>> labels = np.repeat([0, 1], [60, 3])
        >>> drawn = draw(labels, [str(i) for i in range(63)], [""] * 63)
        >>> [round(drawn.few.factor(drawn.totals((labels == k) * np.arange(63))), 2) for k in (0, 1)]
        [1.0, 2.65]
        """
        return float(self.factors(replicates[None], level)[0])

    def factors(self, replicates: Reals, level: float = 0.05) -> Reals:
        """How far replicates have to be spread so that their percentiles hold the truth as often as said.

        √(V′/V) times the ratio of Student's quantile at ν degrees of freedom to the normal one; 1 where no stratum has
        few units, or nothing varies.

        Args:
            replicates: (r, B) of r numbers; what is not finite says nothing.
            level: Chance of the interval to miss; 0.05 for 95 %.

        Returns:
            (r,), not below 1.
        """
        more, df = self.variance(replicates)
        wider = np.where(df < KNOWN, stdtrit(df, 1 - level / 2) / normal_quantile(level), 1.0)
        spread_by: Reals = wider * np.sqrt(more)
        return spread_by

    def variance(self, replicates: Reals) -> tuple[Reals, Reals]:
        """V′/V of r numbers, and their degrees of freedom ν, (r,) each, from replicates (r, B).

        1 and `KNOWN` where no stratum has few units, or nothing varies.
        """
        seen = np.isfinite(replicates)
        number = np.maximum(seen.sum(axis=1), 1)
        apart = np.where(seen, replicates, 0.0)
        apart = np.where(seen, apart - (apart.sum(axis=1) / number)[:, None], 0.0)
        variance = (apart**2).sum(axis=1) / number
        varied = variance > 0
        if not len(self.first) or not varied.any():
            return np.ones(len(replicates)), np.full(len(replicates), KNOWN)
        total = np.where(varied, variance, 1.0)[:, None]
        covariances = apart @ self.counts.T.astype(np.float64) / number[:, None]  # (r, u′)
        squares = np.add.reduceat(covariances**2, self.first, axis=1) / total - self.spare / number[:, None]
        shares = np.where(varied[:, None], np.maximum(squares, 0.0), 0.0)  # V_s / V, (r, s)
        sums = shares.sum(axis=1, keepdims=True)
        if self.alone:  # what covariances do not tell comes from these strata, too
            shares = np.where(sums > 0, shares / np.where(sums > 0, sums, 1.0), self.spare / self.spare.sum())
        else:
            shares = shares / np.maximum(sums, 1.0)
        parts = shares * (self.spare + 1) / self.spare
        more = np.maximum(1 - shares.sum(axis=1) + parts.sum(axis=1), self.least)
        df = np.minimum(satterthwaite(more, parts, self.spare), self.most)
        return np.where(varied, more, 1.0), np.where(varied, df, KNOWN)


def _fewest(units: Units, part: Indices) -> tuple[float, float]:
    """u/(u − s) and u − s of the part in which the first is largest, of those of fewer than `FEW` units."""
    found = [(1.0, KNOWN)]
    for one in np.unique(part):
        own = units.stratum[part == one]
        spare = len(own) - len(np.unique(own))
        if len(own) < FEW and spare:
            found.append((len(own) / spare, float(spare)))
    return max(found, key=lambda two: (two[0], -two[1]))


def factor_of_one(units: int, level: float = 0.05) -> float:
    """`FewUnits.factors` of a number that hangs on a single stratum of so many units.

    >>> [round(factor_of_one(units), 2) for units in (3, 20, 60)]
    [2.69, 1.1, 1.0]
    """
    if not 1 < units < FEW:
        return 1.0
    return float(stdtrit(units - 1, 1 - level / 2)) / normal_quantile(level) * sqrt(units / (units - 1))


def satterthwaite(variance: Reals, parts: Reals, spare: Reals) -> Reals:
    """Degrees of freedom of variances (r,) of which parts (r, s) have only `spare` (s,); at most `KNOWN`."""
    with np.errstate(divide="ignore"):
        found: Reals = np.minimum(variance**2 / (parts**2 / spare).sum(axis=1), KNOWN)
    return found


def spread(value: float | Reals, replicates: Reals, factor: float | Reals) -> Reals:
    """Replicates spread about their value; where the factor is 1, as they are to the last digit."""
    return np.where(factor == 1.0, replicates, value + (replicates - value) * factor)


def spread_words(factor: float) -> str:
    """What the method of an interval says of it; nothing where replicates stand as drawn."""
    return "" if factor < 1.005 else f", spread by {factor:.2f} for few of them"


def effective_images(right: NDArray[np.bool_] | Reals, units: Units, alike_units: int = ALIKE_UNITS) -> float:
    """Number of independent images that would know a share as well as these images of so many patients do.

    Kish's (1965) effective sample size p(1 − p)/v. v is the variance of the share as a ratio of sums over patients,
    within strata. Few patients show it badly: where two of thirty make all mistakes, it is mostly too small. So it is
    averaged, by its degrees of freedom (`satterthwaite`), with the variance that a few further patients would add, all
    of whose images are alike. The number lies between n²/Σ nᵢ² (all nᵢ images of a patient alike: the number of
    patients, if all have as many) and that of images (no more alike than any others).

    Args:
        right: Which images are right, or how far each is, 0 … 1; shape (n,).
        units: Their units.
        alike_units: How many further units are added; another number than `ALIKE_UNITS` only to measure what it does.

    Returns:
        The number of units where all are right, or all wrong, since nothing is seen of how alike they are.
    """
    u, n = len(units), len(right)
    p = float(right.mean())
    if p in (0.0, 1.0):
        return float(u)
    images = np.bincount(units.unit, minlength=u).astype(np.float64)  # (u,)
    residuals = np.bincount(units.unit, weights=right, minlength=u) - p * images
    strata = _pooled(units.stratum)
    seen = 0.0
    for stratum in np.unique(strata):
        own = residuals[strata == stratum]
        seen += len(own) * float(own.var(ddof=1)) if len(own) > 1 else 0.0
    spare = _degrees(images, strata)
    drawn_in = (p * u + 1) / (u + 2)  # the share, with one right and one wrong patient added (Agresti & Coull 1998)
    alike = u * float((images**2).mean()) * drawn_in * (1 - drawn_in)
    variance = (spare * seen + alike_units * alike) / (spare + alike_units) / n**2
    alike_number = n**2 / float((images**2).sum())  # u where all have as many
    return float(np.clip(p * (1 - p) / variance, alike_number, n))


def effective_of_area(value: float, replicates: Reals, units: Units, few: FewUnits, rarer: int) -> float:
    """Number of independent patients that would know an AUC as well as these do: an AUC is a share too, that of pairs.

    As `effective_images`: a(1 − a)/v, where the variance v of the replicates (with what a bootstrap of few leaves out)
    is averaged, by its degrees of freedom, with what one further patient of each class would add.

    Args:
        value: The AUC a.
        replicates: Its replicates, shape (B,); they differ.
        units: The units that were drawn.
        few: Those of strata of few, and how often they were drawn.
        rarer: Number of units of the class that has the fewest; the number is never below it.
    """
    (more,), (df,) = few.variance(replicates[None])
    spare = max(min(float(df), units.spare), 1.0)
    seen = float(np.nanvar(replicates) * more)
    drawn_in = (value * rarer + 1) / (rarer + 2)
    variance = (spare * seen + drawn_in * (1 - drawn_in) / rarer) / (spare + 1)
    return max(float(rarer), value * (1 - value) / variance)


def _degrees(images: Reals, stratum: Indices) -> float:
    """Degrees of freedom of the variance of a share, were all images of a unit alike; strata of `FEW` count as known.

    What the few show is not asked: where two patients of a class are right throughout, their class seems to add
    nothing, and the others to know all.
    """
    number, parts = np.bincount(stratum), np.bincount(stratum, weights=images**2).astype(np.float64)
    spare_of, few = (number - 1).astype(np.float64), (number > 1) & (number < FEW)
    spare = float(len(stratum) - (number > 0).sum())
    if not few.any():
        return spare
    return min(spare, float(satterthwaite(parts.sum(keepdims=True), parts[None, few], spare_of[few])[0]))


def _pooled(stratum: Indices) -> Indices:
    """Strata of a single unit joined, since one unit has no spread; a last one goes to the largest stratum."""
    pooled = stratum.copy()
    counts = np.bincount(stratum)
    single = counts[stratum] == 1
    if single.sum() == 1:
        pooled[single] = counts.argmax()
    else:
        pooled[single] = len(counts)
    return pooled


def jeffreys(share: float, units: int, replicates: int, seed: int = 0) -> Reals:
    """Draws (fractions) that stand in for replicates where all of so many units are right, or all wrong.

    From the distribution of the share under Jeffreys' prior, Beta(r + ½, u − r + ½) (Brown, Cai & DasGupta 2001).

    Args:
        share: The share that was found, kept within [0, 1].
        units: Number of units u.
        replicates: Number of draws B; they depend on nothing but these numbers.
        seed: Another one for each of several shares that are in doubt at once, so that their doubts are independent.
    """
    right = min(max(share, 0.0), 1.0) * units
    drawn: Reals = np.random.default_rng((units, seed) if seed else units).beta(
        right + 0.5, units - right + 0.5, replicates
    )
    return drawn


def too_few_to_exclude(units: int, share: float) -> int:
    """Units that are needed to say that a thing seen in none of them is rarer than a share; 0 where there are enough.

    >>> too_few_to_exclude(30, 0.015)
    253
    >>> too_few_to_exclude(300, 0.015)
    0
    """
    return 0 if unseen(units) <= share else ceil(Z95**2 * (1 / share - 1))
