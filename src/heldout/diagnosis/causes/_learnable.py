"""What would fix it: how much of the drop a classifier that learns from both parts alike still has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import said
from heldout.diagnosis.causes._change import Change, change, unpaired
from heldout.records import Lens
from heldout.stats.measured import Measured

INTERVENTION = "pooled"


@dataclass(frozen=True)
class Pooled:
    """A classifier learned out of fold on validation and test together.

    Attributes:
        val: Validation images as it sees them (`after`) and as the run does (`before`).
        test: Test images likewise.
        true_test: Test images with the labels that reviewers gave; as `test` where nobody reviewed.
    """

    val: Change
    test: Change
    true_test: Change

    @property
    def difficulty(self) -> Measured:
        """Points by which it is right less often on test than on validation, at the class shares of test.

        By the reviewers' labels, as the terms threshold and ranking: wrong labels that were found are not hard images.
        """
        return unpaired(self.val, self.true_test)


def pooled(case: Case, variant: str) -> Pooled | None:
    """The classifier `balanced`, `unbalanced` or `source`; None where it was not scored on both parts."""
    val, test = change(case, INTERVENTION, variant, "val"), change(case, INTERVENTION, variant, "test")
    true_test = change(case, INTERVENTION, variant, "test", reviewed=True)
    if val is None or test is None or true_test is None:
        return None
    answered = {int(k) for k in np.unique(test.labels)}
    return Pooled(val, test, true_test) if answered <= {int(k) for k in np.unique(val.labels)} else None


def remaining(case: Case) -> Measured:
    """What is left of the gap for images themselves: the terms threshold and ranking."""
    terms = case.budget.terms
    return terms["ranking"] + terms["threshold"] if "threshold" in terms else terms["ranking"]


def learnable_lens(case: Case) -> Lens | None:
    """Difficulty, and what a classifier could learn from target data; None without the experiment."""
    balanced = pooled(case, "balanced")
    if balanced is None:
        return None
    difficulty = balanced.difficulty
    learnable = remaining(case) - difficulty
    sentence = (
        f"A classifier that learns from validation and test images alike is still right less often on test by "
        f"{said(difficulty)}: these images are harder (or their labels worse). The rest of threshold and ranking, "
        f"{said(learnable)}, could be learned from labelled target images."
    )
    parts = {"harder on test for anyone": difficulty.estimate(), "learnable from target data": learnable.estimate()}
    numbers = {"val_images": float(len(balanced.val.ids)), "test_images": float(len(balanced.test.ids))}
    return Lens("learnable", "What would fix it", "", parts, sentence, numbers)
