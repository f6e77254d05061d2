"""Scores under stress: what each change costs, what new sites would, and which run stands highest there.

Shapes: n images, k classes, m changes, J sites, r runs, B replicates. In an array (…, B + 1) place 0 along the last
axis is the sample itself, the rest are replicates, in which the same patients were drawn for all runs and changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from heldout.stats.bootstrap import Resamples, percentile_interval
from heldout.stats.few import FewUnits
from heldout.stats.intervals import Z95, unseen
from heldout.stats.max_statistic import single_step
from heldout.stats.metric import ClassWeights
from heldout.stats.scores import Indices, Reals
from heldout.ties import SAME

LEVEL = 0.05
"""Chance that any run is called worse than the best and is not."""


def changed_scores(
    right: NDArray[np.bool_], labels: Indices, resamples: Resamples, metric: ClassWeights, factors: Reals | None = None
) -> Reals:
    """The metric under m changes, (m, B + 1), fractions.

    Args:
        right: (m, n) which images are right under each.
        labels: (n,) class of each image.
        resamples: Draws of these images.
        metric: What the classes' recalls count.
        factors: (m, k) what an image of each class counts under each change; None for 1. A metric whose classes count
            the same whatever their shares does not ask.
    """
    k = len(metric.costs)
    own = labels[None, :] == np.arange(k)[:, None]  # (k, n)
    images = _with_sample(own.astype(np.float64), resamples)  # (k, B + 1)
    hits = _with_sample((right[:, None, :] & own).reshape(-1, len(labels)).astype(np.float64), resamples)
    with np.errstate(invalid="ignore", divide="ignore"):
        recalls = np.where(images > 0, hits.reshape(len(right), k, -1) / images, 0.0)  # (m, k, B + 1)
    each = np.ones((len(right), k)) if factors is None else factors
    weights = np.stack([metric.of_classes((images * one[:, None]).T).T for one in each])  # (m, k, B + 1)
    scores: Reals = (weights * recalls).sum(axis=1)
    return scores


def _with_sample(rows: Reals, resamples: Resamples) -> Reals:
    """Sums of (m, n) rows on the sample and in each replicate, (m, B + 1)."""
    return np.concatenate([rows.sum(axis=1)[:, None], resamples.totals(rows)], axis=1)


def next_site(drops: Reals, units: int) -> tuple[float, float, float]:
    """What the next site costs: the mean over drawn sites, and where 95 % of such sites lie.

    The ends are percentiles over sites and replicates together: a prediction interval. It is at least as wide as the
    sites are apart, however many images there are. At a site where no replicate differs (no answer changed, or all are
    right) normal draws stand in for them, 95 % of which lie as far out as what was seen in no unit may still be.

    Args:
        drops: (J, B + 1) points lost at each drawn site, spread where units are few (`few.FewUnits`).
        units: Number of units that were drawn.

    >>> [round(end, 1) for end in next_site(np.zeros((12, 1001)), units=100)]
    [0.0, -3.7, 3.7]
    """
    value, drawn = float(drops[:, 0].mean()), drops[:, 1:].copy()
    still = np.ptp(drawn, axis=1) <= SAME
    count = drawn.shape[1]
    drawn[still] += 100 * unseen(units) / Z95 * ndtri((np.arange(count) + 0.5) / count)
    low, high = percentile_interval(drawn.ravel(), value)
    return value, low, high


@dataclass(frozen=True)
class Standings:
    """Runs by their mean score over drawn sites.

    Attributes:
        score: (r, B + 1) that mean; in replicates sites are drawn again as well as patients.
        best: Number of the run that stands highest; of equals the first.
        behind: (r,) points that each lies behind it.
        low: (r,) lower ends of intervals that hold for all runs at once (max-|t|).
        high: (r,) upper ends.
        first: (r,) share of replicates in which each stands highest; equals share one.
    """

    score: Reals
    best: int
    behind: Reals
    low: Reals
    high: Reals
    first: Reals


def standings(scores: Reals, seed: int, units: int, few: FewUnits | None = None) -> Standings:
    """Rank runs by what stays.

    Where no replicate tells a run from the best, its interval reaches as far as what was seen in no unit may still be,
    with Bonferroni's correction for the number of runs.

    Args:
        scores: (r, J, B + 1) score of each run at each drawn site.
        seed: Of the draws of sites.
        units: Number of units that were drawn.
        few: Their draws, which tell how far differences are spread; None where no stratum has few units.
    """
    runs, sites, columns = scores.shape
    rng = np.random.default_rng((seed, 43))
    weights = rng.multinomial(sites, np.full(sites, 1 / sites), size=columns).T / sites  # (J, B + 1)
    weights[:, 0] = 1 / sites
    mean: Reals = np.einsum("rjb,jb->rb", scores, weights)
    best = int(np.flatnonzero(mean[:, 0] >= mean[:, 0].max() - SAME)[0])
    apart = 100 * (mean[best] - mean)  # (r, B + 1)
    behind, drawn = apart[:, 0], apart[:, 1:]
    error = drawn.std(axis=1, ddof=1)
    varied = error > 1e-12
    null = np.zeros((drawn.shape[1], runs))
    null[:, varied] = ((drawn - behind[:, None])[varied] / error[varied, None]).T
    others = np.arange(runs) != best
    reach = single_step(np.zeros(int(others.sum())), null[:, others], LEVEL).critical * error
    reach = reach if few is None else reach * few.factors(drawn, LEVEL / max(runs - 1, 1))
    reach[others & ~varied] = 100 * unseen(units, LEVEL / max(runs - 1, 1))
    top = mean[:, 1:] >= mean[:, 1:].max(axis=0) - SAME
    return Standings(mean, best, behind, behind - reach, behind + reach, (top / top.sum(axis=0)).mean(axis=1))
