"""Numbers with their 95 % intervals: which interval, and why, is decided here and in `few.py`, and nowhere else.

One policy for comparison, diagnosis and report (docs/statistics.md has the coverage by which it was chosen):

- accuracy and recall have Wilson's interval on the effective number of images (`few.effective_images`), which is that
  of images where no patient is known, and that of patients where all images are right, or all wrong;
- another weighted mean of recalls has the recalls' intervals joined by the square-and-add method; where a patient has
  images of several classes, so that recalls depend on each other, no less than percentiles of the bootstrap reach;
- the AUC has Wilson's interval on an effective number of patients, by the variance of its replicates
  (`few.effective_of_area`);
- the difference of two AUCs has DeLong's interval with patients as units (`stats/delong.py`);
- all else (gap, terms of a gap, differences) has percentiles of the joint bootstrap, spread where patients are few
  (`few.FewUnits`);
- where no replicate differs, the bootstrap cannot see an error that no image showed: the interval is then the widest
  that so many patients leave possible.
"""

from __future__ import annotations

from math import hypot

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from heldout.records import Estimate
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import Resamples, percentile_interval, resampled_auc, varies
from heldout.stats.delong import Area, difference_of
from heldout.stats.few import effective_images, effective_of_area, spread, spread_words
from heldout.stats.intervals import Z95, difference, unseen, wilson
from heldout.stats.joint import JointBootstrap
from heldout.stats.measured import Measured
from heldout.stats.metric import ClassWeights
from heldout.stats.paired import resampled_difference
from heldout.stats.scores import Indices, Reals, auc
from heldout.stats.units import Units

Mask = NDArray[np.bool_]


def share_estimate(right: Mask, units: Units) -> Estimate:
    """Share of images that are right, with its interval: an accuracy, or the recall of the class that they all have.

    Args:
        right: Which images are right, shape (n,), n ≥ 1.
        units: Their units.
    """
    n, value = len(right), float(right.mean())
    if not units.patients:
        return _estimate(value, *wilson(int(right.sum()), n), n, "Wilson")
    effective = effective_images(right, units)
    if value in (0.0, 1.0):
        method = f"Wilson on {units.what} (all are {'right' if value else 'wrong'})"
    else:
        method = f"Wilson on the effective number of images of {units.what}"
    return _estimate(value, *wilson(value * effective, effective), n, method)


def metric_estimate(side: Predictions, units: Units, resamples: Resamples, metric: ClassWeights | None) -> Estimate:
    """The metric of a part that has images, a fraction.

    Square-and-add (Zou & Donner 2008) on the recalls: low = M − √Σ w_k² (recall_k − low_k)², high likewise.

    Args:
        side: The part.
        units: Its units.
        resamples: Draws of them, for patients with images of several classes.
        metric: What the classes' recalls count; None for accuracy, which has Wilson's interval (`share_estimate`).
    """
    if metric is None or metric.plain:
        return share_estimate(side.right, units)
    counts = np.bincount(side.labels, minlength=len(metric.costs))
    weights = metric.of_classes(counts[None].astype(np.float64))[0]
    below = above = value = 0.0
    for k in np.flatnonzero(weights > 0):
        own = np.flatnonzero(side.labels == k)
        recall, w = share_estimate(side.right[own], units.take(own)), float(weights[k])
        value += w * recall.value
        below, above = hypot(below, w * (recall.value - recall.low)), hypot(above, w * (recall.high - recall.value))
    low, high, method = value - below, value + above, "square-and-add of the recalls' intervals"
    if _mixed(side.labels, units):
        replicates = metric.means(side.right.astype(np.float64), side.labels, resamples)[1:]
        if varies(replicates):
            ends = percentile_interval(spread(value, replicates, resamples.few.factor(replicates)), value)
            low, high = min(low, ends[0]), max(high, ends[1])
            method += f", and no less than the {resamples.method}"
    return _estimate(value, max(low, 0.0), min(high, 1.0), len(side), method)


def _mixed(labels: Indices, units: Units) -> bool:
    """Whether any unit has images of several classes."""
    first = np.full(len(units), -1, dtype=np.int64)
    first[units.unit] = labels
    return bool((first[units.unit] != labels).any())


def recall_estimate(side: Predictions, k: int) -> Estimate | None:
    """Recall of a class of a part; None where it has no image."""
    own = np.flatnonzero(side.labels == k)
    if not len(own):
        return None
    return share_estimate(side.right[own], Units.of(side.labels, side.ids, side.patients).take(own))


def weighted_share_estimate(share: Measured, units: int) -> Estimate:
    """A share of images that do not count alike (some stand for others that nobody reviewed), as a fraction.

    Args:
        share: With its replicates.
        units: Number of patients (or images) behind it.
    """
    if not share.varies:
        within = min(max(share.value, 0.0), 1.0) * units
        return _estimate(share.value, *wilson(within, units), share.n, f"Wilson on {units} units (nothing varies)")
    low, high = share.interval()
    return _estimate(share.value, max(low, 0.0), min(high, 1.0), share.n, share.method)


def auc_estimate(
    labels: Indices, logits: Reals, resamples: Resamples, replicates: Reals | None = None
) -> Estimate | None:
    """AUC with its interval; None when a class is absent.

    Where the replicates do not vary (the classes are separated without a mistake), Wilson's interval on the units of
    the class that has the fewest.

    Args:
        labels: (n,) class indices.
        logits: (n, k).
        resamples: Draws of these images.
        replicates: The AUC in each of them, (B,), where it is known already.
    """
    value = auc(labels, logits)
    if value is None:
        return None
    replicates = resampled_auc(labels, logits, resamples) if replicates is None else replicates
    rarer = min(len(resamples.units.members(labels == c)) for c in range(logits.shape[1]))
    if not varies(replicates):
        return _estimate(value, *wilson(value * rarer, rarer), len(labels), _never_varied(rarer, resamples.units))
    effective = effective_of_area(value, replicates, resamples.units, resamples.few, rarer)
    method = f"Wilson on the effective number of units by the {resamples.method}"
    return _estimate(value, *wilson(value * effective, effective), len(labels), method)


def gap_estimate(draws: JointBootstrap, val_right: Mask, test_right: Mask, val: Estimate, test: Estimate) -> Estimate:
    """Validation minus test in points of the metric of the draws.

    Where one of the two does not vary (all right), its bootstrap would lend the gap no width; then the
    intervals of both are joined by the square-and-add method instead. Where a class of a part has a single unit, which
    is in every replicate, the gap's reaches no less far than they do.

    Args:
        draws: The joint bootstrap of the two parts.
        val_right: Which validation images are right, shape (n_V,).
        test_right: Likewise of test, shape (n_T,).
        val: The metric on validation.
        test: The metric on test.
    """
    drawn = draws.accuracies(val_right, test_right)
    gap = draws.measured(100 * (drawn[0] - drawn[1]), len(val_right) + len(test_right))
    ends = difference(val.value, (val.low, val.high), test.value, (test.low, test.high))
    joined = 100 * ends[0], 100 * ends[1]
    if not all(varies(accuracy) for accuracy in drawn):
        method = "square-and-add of the two intervals (a bootstrap does not vary)"
        return _estimate(gap.value, joined[0], joined[1], gap.n, method)
    found = gap.estimate()
    low, high, method = max(found.low, -100.0), min(found.high, 100.0), found.method
    if (np.bincount(draws.drawn.units.stratum) == 1).any():
        low, high = min(low, joined[0]), max(high, joined[1])
        method += ", and no less than square-and-add of the two intervals (a class has one unit)"
    return _estimate(gap.value, low, high, gap.n, method)


def difference_estimate(
    a_right: Mask,
    b_right: Mask,
    resamples: Resamples,
    labels: Indices | None = None,
    metric: ClassWeights | None = None,
) -> Estimate:
    """The metric of `a` minus that of `b` on the same images, in points.

    Where the replicates do not vary (the two agree on every image), each end lies as far out as a disagreement seen in
    none of so many units may still be frequent: Wilson's upper end of 0 of u; by another metric than accuracy, of the
    units of each class, times what it counts.

    Args:
        a_right: Which images `a` got right, shape (n,).
        b_right: Likewise `b`.
        resamples: Draws of these images.
        labels: Class of each image, (n,); needed for another metric than accuracy.
        metric: What the classes' recalls count; None for accuracy.
    """
    if metric is None or metric.plain or labels is None:
        value = 100 * (int(a_right.sum()) - int(b_right.sum())) / len(a_right)
        replicates, reach = 100 * resampled_difference(a_right, b_right, resamples), 100 * unseen(len(resamples.units))
    else:
        drawn = 100 * metric.means(a_right.astype(np.float64) - b_right, labels, resamples)
        value, replicates, reach = float(drawn[0]), drawn[1:], 100 * _unseen_by_class(labels, resamples.units, metric)
    if varies(replicates):
        factor = resamples.few.factor(replicates)
        low, high = percentile_interval(spread(value, replicates, factor), value)
        method = f"paired {resamples.method}{spread_words(factor)}"
        return _estimate(value, max(low, -100.0), min(high, 100.0), len(a_right), method)
    low, high = max(-100.0, value - reach), min(100.0, value + reach)
    return _estimate(value, low, high, len(a_right), _never_varied(len(resamples.units), resamples.units))


def auc_difference(a: Area, b: Area, labels: Indices, units: Units) -> tuple[Estimate, float] | None:
    """The AUC of `a` minus that of `b` on the same images, −1 … 1, and the two-sided p that they are the same.

    DeLong's interval and test with patients as units (`stats.delong`). Where nothing is seen of how units differ (both
    runs separate the classes alike), the error is taken for as large as leaves possible what none of the units of the
    rarest class shows: Wilson's upper end of 0 of them is the end of the interval.

    Args:
        a: The area of one run.
        b: Of another.
        labels: (n,) class of each image.
        units: Their units.

    Returns:
        None where a class has images of a single unit, of which no difference between units can be seen.
    """
    found = difference_of(a, b, labels, units)
    if found is None:
        return None
    if found.error > 0:
        reach, p = found.quantile * found.error, found.p
        method = f"DeLong on {units.what}" + (", clustered (Obuchowski)" if len(units) < len(labels) else "")
    else:
        rarer = min(len(units.members(labels == c)) for c in np.unique(labels))
        reach = unseen(rarer)
        p, method = float(2 * ndtr(-abs(found.value) * Z95 / reach)), _never_varied(rarer, units)
    ends = max(found.value - reach, -1.0), min(found.value + reach, 1.0)
    return _estimate(found.value, *ends, len(labels), method), p


def _unseen_by_class(labels: Indices, units: Units, metric: ClassWeights) -> float:
    """How much a disagreement that no unit shows may still be worth: square-and-add over the classes."""
    counts = np.bincount(labels, minlength=len(metric.costs))
    weights = metric.of_classes(counts[None].astype(np.float64))[0]
    each = [float(weights[k]) * unseen(len(units.members(labels == k))) for k in np.flatnonzero(weights > 0)]
    return hypot(*each)


def _never_varied(number: int, units: Units) -> str:
    noun = "patients" if units.patients else "images"
    return f"Wilson on {number} {noun} (the bootstrap does not vary)"


def _estimate(value: float, low: float, high: float, n: int, method: str) -> Estimate:
    """Ends that rounding moved a hair to the wrong side of the value are put on it."""
    return Estimate(value, min(low, value), max(high, value), n, method)
