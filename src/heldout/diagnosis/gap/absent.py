"""The absent term: test images of classes of which validation has none."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.words import listed
from heldout.records import TermStatus
from heldout.stats.bootstrap import varies
from heldout.stats.few import FEW, jeffreys
from heldout.stats.scores import Indices, Reals
from heldout.stats.weighted import recalls, shares, weighted_mean


def absent_classes(run: RunData) -> Indices:
    """Classes that have test images and not one validation image, ascending."""
    assert run.val is not None and run.test is not None
    return np.flatnonzero((run.test.counts() > 0) & (run.val.counts() == 0))


def absent_term(run: RunData) -> GapTerm | None:
    """A_T without the images of these classes minus A_T, exact in every replicate; None where validation lacks none."""
    classes = absent_classes(run)
    if not len(classes):
        return None
    test = run.test
    assert test is not None
    here = ~np.isin(test.labels, classes)
    without = weighted_mean(test.right[here], run.draws.test[:, here])  # (B + 1,)
    points = 100 * (without - weighted_mean(test.right, run.draws.test))
    return GapTerm(run.draws.measured(points, len(test)), TermStatus.MEASURED, absent_words(run, classes))


def absent_points(run: RunData) -> Reals:
    """Points of the term by class, (B + 1, k): π_k · (A_T without these images − recall_k); 0 for other classes.

    π_k is the class's share of all test images; summed over the classes it is the term.
    """
    test, classes = run.test, absent_classes(run)
    assert test is not None
    here = ~np.isin(test.labels, classes)
    without = weighted_mean(test.right[here], run.draws.test[:, here])
    own = np.nan_to_num(recalls(test.right, test.labels, run.draws.test, run.k))
    points = 100 * shares(test.labels, run.draws.test, run.k) * (without[:, None] - own)
    result: Reals = np.where(np.isin(np.arange(run.k), classes), points, 0.0)
    return result


def absent_doubt(run: RunData) -> Reals:
    """What is added to each replicate of the term, (B,), where few units know the recall of such a class for certain.

    A class that one patient has is drawn with this patient every time. Its recall is then known by one unit, whatever
    the number of images; draws under Jeffreys' prior on the class's units take its place (`few.jeffreys`).
    """
    test = run.test
    assert test is not None
    drawn = shares(test.labels, run.draws.test[1:], run.k)
    by_class = recalls(test.right, test.labels, run.draws.test[1:], run.k)
    added: Reals = np.zeros(len(drawn))
    for k in absent_classes(run).tolist():
        units = len(np.unique(test.units[test.labels == k]))
        own = by_class[:, k]
        if units < FEW and not varies(own):
            share = float(test.right[test.labels == k].mean())
            added += 100 * drawn[:, k] * (np.nan_to_num(own) - jeffreys(share, units, len(own), 1 + k))
    return added


def absent_words(run: RunData, classes: Indices) -> str:
    """`absent from validation: 3 of 100 test images ('basophil'), at most 3.0 points`."""
    test = run.test
    assert test is not None
    counts = test.counts()
    share = float(shares(test.labels, run.draws.test[:1], run.k)[0, classes].sum())
    several = len(classes) > 1
    names = listed([f"'{run.classes[k]}'{f' {counts[k]}' if several else ''}" for k in classes])
    return (
        f"absent from validation: {counts[classes].sum()} of {len(test)} test {run.unit.words} ({names}), at most "
        f"{100 * share:.1f} points"
    )
