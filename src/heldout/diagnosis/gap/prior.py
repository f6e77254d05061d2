"""The prior term: what the shares of the classes are worth at the recalls of V′."""

from __future__ import annotations

from math import hypot

import numpy as np

from heldout.diagnosis.gap.samples import Samples, shares_of_test
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.run_data import RunData
from heldout.records import TermStatus
from heldout.stats.bootstrap import varies
from heldout.stats.class_draws import error_of_shares
from heldout.stats.few import FEW, jeffreys
from heldout.stats.label_shift import followed
from heldout.stats.measured import Measured
from heldout.stats.scores import Reals
from heldout.stats.weighted import recalls
from heldout.ties import first_of_largest, in_order, settled

SHOWN = 0.0005
"""Half of the last digit with which shares are shown: smaller differences are called none."""

NAMED = 3
"""Classes that the detail names, those that carry most."""

NAMED_FROM = 0.05
"""Points from which on a class is said to carry some: what is shown with one decimal as more than 0."""

OTHERS = 0.1
"""Share of the largest class's points from which on a further class is named."""


def doubted_recalls(run: RunData, samples: Samples) -> Reals:
    """Recall of each class on V′, (B + 1, k), with a doubt where few units are all right, or all wrong.

    A bootstrap of one image that is wrong, or of seven, knows the recall for certain, and would call the prior term
    established. There draws under Jeffreys' prior on the class's units stand in for the replicates (`few.jeffreys`). A
    replicate that holds no image of a class takes the recall of the sample.
    """
    val = samples.val
    by_class = recalls(val.right, val.labels, samples.val_weights, run.k)
    for k in np.flatnonzero(val.counts() > 0):
        own = by_class[1:, k]
        units = len(np.unique(val.units[val.labels == k]))
        if units < FEW and not varies(own[np.isfinite(own)]):
            own[:] = jeffreys(float(by_class[0, k]), units, len(own), 1 + int(k))
        own[np.isnan(own)] = by_class[0, k]
    return by_class


def followed_shares(run: RunData, samples: Samples) -> Reals:
    """How much of the change in class shares the run's answers follow, (B + 1,): see `stats.label_shift`."""
    val, test = samples.val, samples.test
    answers = first_of_largest(val.logits), first_of_largest(test.logits)
    return followed((val.labels, test.labels), answers, (samples.val_weights, samples.test_weights), run.k)


def error_of_term(run: RunData, samples: Samples) -> float:
    """Standard error of the prior term over draws of patients whatever their classes, at the recalls of V′; points.

    0 by a metric that does not depend on class shares.
    """
    if run.weights.fixed:
        return 0.0
    val, test = samples.val, samples.true_test
    own = recalls(val.right, val.labels, samples.val_weights[:1], run.k)[0]
    errors = (
        error_of_shares(val.labels, val.units, own, samples.val_weights[0]),
        error_of_shares(test.labels, test.units, own, samples.true_weights[0]),
    )
    return 100 * hypot(*errors)


def error_of_drawn_shares(run: RunData) -> float:
    """Standard error of the gap over draws of patients that comes of their classes alone; points.

    Each part at its own recalls; 0 by a metric that does not depend on class shares.
    """
    assert run.val is not None and run.test is not None
    if run.weights.fixed:
        return 0.0
    errors = []
    for part in (run.val, run.test):
        plain = np.ones((1, len(part)), dtype=np.float32)
        errors.append(error_of_shares(part.labels, part.units, recalls(part.right, part.labels, plain, run.k)[0]))
    return 100 * hypot(*errors)


def prior_by_class(samples: Samples, doubted: Reals) -> Reals:
    """What each class carries of the prior term, points, (B + 1, k): (π^V_k − π^T_k)(recall^V′_k − A_V′).

    A_V′ = Σ_k π^V_k recall^V′_k, the accuracy at the class shares of validation. Since both shares sum to 1, any
    baseline gives the same sum, the term; with this one a class carries points if test has more of it and it is
    recalled worse than the average, or less of it and it is recalled better.

    Args:
        samples: The samples.
        doubted: (B + 1, k) `doubted_recalls`.
    """
    by_class = np.nan_to_num(doubted)
    mean = (samples.val_prior * by_class).sum(axis=1, keepdims=True)
    result: Reals = 100 * (samples.val_prior - samples.test_prior) * (by_class - mean)
    return result


def prior_term(run: RunData, samples: Samples, gap: Measured) -> GapTerm:
    """Σ_k (π^V_k − π^T_k) recall^V′_k, exact; the detail names the classes that carry it.

    Exactly 0 where the metric counts a class the same in every part, and both parts have the same classes.
    """
    there = [part.counts() > 0 for part in (run.val, samples.true_test) if part is not None]
    if run.weights.fixed and (there[0] == there[1]).all():
        return GapTerm.nothing(gap, f"{run.metric.words} counts a class the same however frequent it is")
    by_class = doubted_recalls(run, samples)
    points = 100 * np.nansum((samples.val_prior - samples.test_prior) * by_class, axis=1)
    detail = _detail(run, samples, float(points[0]), prior_by_class(samples, by_class)[0])
    return GapTerm(run.draws.measured(points, gap.n), TermStatus.MEASURED, detail)


def _detail(run: RunData, samples: Samples, points: float, carried: Reals) -> str:
    """Which classes carry the term; where none does, the class whose share moved most."""
    moved = np.abs(samples.val_shares - samples.test_shares)
    if moved.max() < SHOWN:
        return "class shares are the same in validation and test"
    toward = carried if points >= 0 else -carried
    carrying = [int(k) for k in in_order(toward, descending=True)[:NAMED] if settled(toward[k]) >= NAMED_FROM]
    carrying = [k for k in carrying if toward[k] >= OTHERS * toward[carrying[0]]]
    if abs(points) < NAMED_FROM or not carrying:
        k = int(first_of_largest(moved))  # of two classes both move alike
        return f"class shares differ: {_shares(run, samples, k)}"
    each = [
        f"{_class(run, samples, k)}: {carried[k]:.1f}{f' of {points:.1f} points' if i == 0 else ''}"
        for i, k in enumerate(carrying)
    ]
    return f"class shares differ: {'; '.join(each)}"


def _shares(run: RunData, samples: Samples, k: int) -> str:
    """`'bkl' is 1.1 % of validation and 13.0 % of test`."""
    val, test = samples.val_shares[k], shares_of_test(run, samples)[k]
    return f"'{run.classes[k]}' is {val:.1%} of validation and {test:.1%} of test"


def _class(run: RunData, samples: Samples, k: int) -> str:
    """`'bkl' is … of test, recall 0 % on validation with 26 training images`."""
    own = samples.val.labels == k
    words = _shares(run, samples, k)
    if own.any():
        recall = recalls(samples.val.right, samples.val.labels, samples.val_weights[:1], run.k)[0, k]
        words += f", recall {recall:.0%} on validation"
    if run.train_counts is not None:
        words += f" with {run.train_counts[k]:,} training images"
    return words
