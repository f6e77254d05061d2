"""Numbers with their 95 % intervals: which interval, and why, is decided here and nowhere else.

Where patients are known, intervals are percentiles of the patient bootstrap; where they are not, accuracy and recall
have Wilson's interval and the AUC percentiles of an image bootstrap. The bootstrap cannot see an error that no image
showed: when all images are right (or all wrong) every replicate is equal, and its interval has no width. Then the
interval is Wilson's with the number of patients (or images, where those are the units) as n, which is the most that so
many independent units can say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heldout.records import Estimate
from heldout.stats.bootstrap import (
    Resamples,
    percentile_interval,
    resampled_auc,
    resampled_share,
    varies,
)
from heldout.stats.intervals import difference, unseen, wilson
from heldout.stats.paired import resampled_difference
from heldout.stats.scores import Indices, Reals, auc

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Share:
    """An estimated proportion with the replicates it came from.

    Attributes:
        estimate: Value and interval.
        replicates: Bootstrap replicates of the value, shape (B,).
        varied: Whether the replicates differ.
    """

    estimate: Estimate
    replicates: Reals
    varied: bool


def units_among(among: Mask, resamples: Resamples) -> int:
    """Number of patients (or images, where those are the units) that have an image of the mask."""
    return len(np.unique(resamples.unit[among]))


def _flat(resamples: Resamples, units: int) -> str:
    noun = "patients" if resamples.patients else "images"
    return f"Wilson on {units} {noun} (the bootstrap does not vary)"


def share(right: Mask, among: Mask, resamples: Resamples) -> Share | None:
    """Share of `right` among the images of a mask: accuracy with a mask of all, recall with that of a class.

    Args:
        right: Which images are right, shape (n,).
        among: Which images count, shape (n,).
        resamples: Draws for these images.

    Returns:
        None when no image counts.
    """
    n = int(among.sum())
    if not n:
        return None
    hits = int((right & among).sum())
    replicates = resampled_share(right, among, resamples)
    varied = varies(replicates)
    if not resamples.patients:
        low, high = wilson(hits, n)
        method = "Wilson"
    elif varied:
        low, high = percentile_interval(replicates, hits / n)
        method = resamples.method
    else:
        units = units_among(among, resamples)
        low, high = wilson(hits / n * units, units)
        method = _flat(resamples, units)
    return Share(_estimate(hits / n, low, high, n, method), replicates, varied)


def auc_estimate(labels: Indices, logits: Reals, resamples: Resamples) -> Estimate | None:
    """AUC with its interval; None when a class is absent.

    Where the replicates do not vary (the classes are separated without a mistake), Wilson's interval on the units of
    the class that has the fewest.
    """
    value = auc(labels, logits)
    if value is None:
        return None
    replicates = resampled_auc(labels, logits, resamples)
    if varies(replicates):
        return _estimate(value, *percentile_interval(replicates, value), len(labels), resamples.method)
    units = min(units_among(labels == c, resamples) for c in range(logits.shape[1]))
    return _estimate(value, *wilson(value * units, units), len(labels), _flat(resamples, units))


def gap_estimate(val: Share, test: Share, method: str) -> Estimate:
    """Validation minus test accuracy in points.

    The two sets are drawn independently, each by its patients. Where one of them does not vary (all right), its
    bootstrap would lend the gap no width; then the two intervals are joined by the square-and-add method instead.

    Args:
        val: Accuracy on validation.
        test: Accuracy on test.
        method: How the bootstrap of the two is called.
    """
    v, t = val.estimate, test.estimate
    value = 100 * v.value - 100 * t.value
    n = v.n + t.n
    if val.varied and test.varied:
        low, high = percentile_interval(100 * (val.replicates - test.replicates), value)
        return _estimate(value, low, high, n, method)
    low, high = difference(v.value, (v.low, v.high), t.value, (t.low, t.high))
    return _estimate(value, 100 * low, 100 * high, n, "square-and-add of the two intervals (a bootstrap does not vary)")


def difference_estimate(a_right: Mask, b_right: Mask, resamples: Resamples) -> Estimate:
    """Accuracy of `a` minus that of `b` on the same images, in points.

    Where the replicates do not vary (the two agree on every image), each end lies as far out as a disagreement seen in
    none of so many units may still be frequent: Wilson's upper end of 0 of u.
    """
    value = 100 * (int(a_right.sum()) - int(b_right.sum())) / len(a_right)
    replicates = 100 * resampled_difference(a_right, b_right, resamples)
    if varies(replicates):
        return _estimate(value, *percentile_interval(replicates, value), len(a_right), f"paired {resamples.method}")
    reach = 100 * unseen(resamples.units)
    low, high = max(-100.0, value - reach), min(100.0, value + reach)
    return _estimate(value, low, high, len(a_right), _flat(resamples, resamples.units))


def _estimate(value: float, low: float, high: float, n: int, method: str) -> Estimate:
    """Ends that rounding moved a hair to the wrong side of the value are put on it."""
    return Estimate(value, min(low, value), max(high, value), n, method)
