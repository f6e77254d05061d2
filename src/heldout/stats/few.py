"""What few patients can say: the corrections without which an interval from few of them is too narrow.

Three rules, each chosen by how often intervals then hold the truth (benchmarks/interval_coverage.py; the table is in
docs/statistics.md):

- a share (accuracy, recall) of images of known patients counts as many independent images as `effective_images` says,
  an AUC as many patients as `effective_of_area` says;
- replicates of a bootstrap of fewer than `FEW` units are spread about their value (`spread_factor`);
- what was never seen is not impossible: where no replicate differs, `jeffreys` gives draws that do, and `unseen`
  (stats/intervals.py) how frequent it may still be.
"""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from heldout.stats.intervals import Z95, normal_quantile, unseen
from heldout.stats.scores import Indices, Reals
from heldout.stats.units import Units

FEW = 60
"""Units from which on replicates stand as they were drawn: there the factor is 1.04, and percentiles hold the truth in
93 of 100 studies (docs/statistics.md)."""

ALIKE_UNITS = 2
"""Units of which all images are alike, half of them right, that are added to those seen when the effective number of
images is computed: the fewest with which every world of 12 to 200 patients is held in nine of ten studies
(docs/statistics.md, table f)."""


def spread_factor(units: Units, level: float = 0.05) -> float:
    """How far replicates have to be spread about their value so that their percentiles hold the truth as often as said.

    A bootstrap of u units in s strata has (u − s)/u of the variance that the same units have as a sample (Davison &
    Hinkley 1997, §2.3.2), and percentiles take that variance for known; with u − s degrees of freedom it is not, which
    is the ratio of Student's quantile to the normal one. 1 from `FEW` units on.

    Args:
        units: The units that are drawn.
        level: Chance of the interval to miss; 0.05 for 95 %.

    >>> import numpy as np
    >>> twelve = Units(np.arange(12), np.arange(12) % 2, np.ones(12, dtype=bool))
    >>> round(spread_factor(twelve), 2)
    1.25
    """
    u, spare = len(units), units.spare
    if u >= FEW or spare < 1:
        return 1.0
    return float(stdtrit(spare, 1 - level / 2)) / normal_quantile(level) * sqrt(u / spare)


def spread(value: float, replicates: Reals, factor: float) -> Reals:
    """Replicates spread about the value; sums and differences of numbers that share a factor stay exact."""
    return replicates if factor == 1.0 else value + (replicates - value) * factor


def spread_words(factor: float) -> str:
    """What the method of an interval says of it; nothing where replicates stand as drawn."""
    return "" if factor == 1.0 else f", spread by {factor:.2f} for few of them"


def effective_images(right: NDArray[np.bool_] | Reals, units: Units, alike_units: int = ALIKE_UNITS) -> float:
    """Number of independent images that would know a share as well as these images of so many patients do.

    Kish's (1965) effective sample size p(1 − p)/v. v is the variance of the share as a ratio of sums over patients,
    within strata. Few patients show it badly: where two of thirty make all mistakes, it is mostly too small. So it is
    averaged with the variance that a few further patients would add, all of whose images are alike. The number
    lies between that of patients (all images of a patient alike) and that of images (no more alike than any others).

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
    seen, spare = 0.0, u
    for stratum in np.unique(strata):
        own = residuals[strata == stratum]
        spare -= 1
        if len(own) > 1:
            seen += len(own) * float(own.var(ddof=1))
    drawn_in = (p * u + 1) / (u + 2)  # the share, with one right and one wrong patient added (Agresti & Coull 1998)
    alike = u * float((images**2).mean()) * drawn_in * (1 - drawn_in)
    variance = (spare * seen + alike_units * alike) / (spare + alike_units) / n**2
    return float(np.clip(p * (1 - p) / variance, u, n))


def effective_of_area(value: float, replicates: Reals, units: Units, rarer: int) -> float:
    """Number of independent patients that would know an AUC as well as these do: an AUC is a share too, that of pairs.

    As `effective_images`: a(1 − a)/v, where the variance v of the replicates (times u/(u − s), which a bootstrap leaves
    out) is averaged with what one further patient of each class would add.

    Args:
        value: The AUC a.
        replicates: Its replicates, shape (B,); they differ.
        units: The units that were drawn.
        rarer: Number of units of the class that has the fewest; the number is never below it.
    """
    spare = max(units.spare, 1)
    seen = float(np.nanvar(replicates)) * len(units) / spare
    drawn_in = (value * rarer + 1) / (rarer + 2)
    variance = (spare * seen + drawn_in * (1 - drawn_in) / rarer) / (spare + 1)
    return max(float(rarer), value * (1 - value) / variance)


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
