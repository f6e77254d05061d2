"""A classifier that learned from validation and test images alike: what it still loses on test is hard for anyone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heldout.diagnosis.appearance import Row, total
from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.effects import Effect, effect_of, unpaired
from heldout.diagnosis.gap.small_classes import left_out_words
from heldout.stats.disde import disde
from heldout.stats.measured import Measured
from heldout.stats.weighted import weighted_mean

INTERVENTION = "pooled"


@dataclass(frozen=True)
class Pooled:
    """A classifier learned out of fold on validation and test together.

    Attributes:
        val: Validation images as it sees them (`after`) and as the run does (`before`).
        test: Test images likewise.
        true_test: Test images with the labels that reviewers gave; as `test` where nobody reviewed.
        left_out: Classes with too few images on either side, in words; they count in no number here.
        undecided: Points, at most, that they leave undecided: the classifier's mistakes on their test images.
    """

    val: Effect
    test: Effect
    true_test: Effect
    left_out: str = ""
    undecided: float = 0.0

    @property
    def difficulty(self) -> Measured:
        """Points by which it is right less often on test than on validation, at the class shares of test.

        Of the classes that have enough images on both sides to learn from and to be scored by.
        By the reviewers' labels, as the terms threshold and ranking: wrong labels that were found are not hard images.
        """
        return unpaired(self.val, self.true_test)


def pooled(data: CauseData, variant: str) -> Pooled | None:
    """The classifier `balanced`, `unbalanced` or `source`; None where it was not scored on both parts."""
    val, test = effect_of(data, INTERVENTION, variant, "val"), effect_of(data, INTERVENTION, variant, "test")
    true_test = effect_of(data, INTERVENTION, variant, "test", reviewed=True)
    if val is None or test is None or true_test is None:
        return None
    # Each class of which one side has too few images, or none was scored, says nothing of how hard test is.
    sides = [np.bincount(side.labels, minlength=data.run.k) for side in (val, test)]
    small = np.minimum(*sides) < data.rules.min_pooled_class
    if small[sides[1] > 0].all():
        return None
    small &= (sides[0] > 0) | (sides[1] > 0)
    wrong = 100 * float(weighted_mean(~true_test.after & small[true_test.labels], true_test.weights[:1])[0])
    undecided = max(0.0, wrong)
    words = left_out_words(data.gap.samples, data.run.classes, small & (sides[1] > 0), undecided)
    return Pooled(val.without(small), test.without(small), true_test.without(small), words, undecided)


def remaining(data: CauseData) -> Measured:
    """What is left of the gap for images themselves: the terms threshold and ranking."""
    terms = data.gap.terms
    return terms["ranking"] + terms["threshold"] if "threshold" in terms else terms["ranking"]


def learnable(data: CauseData) -> Measured | None:
    """What remains that a classifier mends which has learned from such images too; None where none was tried."""
    balanced = pooled(data, "balanced")
    return None if balanced is None else remaining(data) - balanced.difficulty


def hard_for_anyone(data: CauseData, balanced: Pooled, rows: Sequence[Row]) -> Measured | None:
    """Points that a classifier that has seen such images too loses on what validation lacks; None if not comparable.

    III of DISDE with its errors in place of the run's, the weights being the same.
    """
    samples = data.gap.samples
    if balanced.val.ids != samples.val.ids or balanced.test.ids != samples.test.ids:
        return None
    points = []
    for row in rows:
        split = disde(
            (~balanced.val.after[row.val_rows]).astype(np.float64),
            (~balanced.test.after[row.test_rows]).astype(np.float64),
            row.val_pi,
            row.test_pi,
            samples.val_weights[:, row.val_rows],
            samples.test_weights[:, row.test_rows],
        )
        unseen = 100 * samples.test_prior[:, row.k] * split.replicates[2]
        points.append(data.gap.draws.measured(unseen, sum(row.sizes)))
    return total(points)
