"""Harder images: would a classifier that has learned from test images too still be worse on them?"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from heldout.causes._absent import without
from heldout.causes._case import Case
from heldout.causes._cause import Cause, said, weigh
from heldout.causes._learnable import EXPERIMENT, Pooled, pooled, remaining
from heldout.causes.labels import still_to_review, to_review
from heldout.records import Finding, Remedy, Verdict
from heldout.stats.measured import Measured

SLACK = 3.0
"""Points by which the yardstick may be worse on validation than the run itself; ours. A worse one measures nothing."""

SHOWN = 24


class Difficulty(Cause):
    """Test images are harder, or their labels worse: nobody who learned from them would do as well on them either.

    How it is detected: A classifier is learned on validation and test images together, out of fold by patient, on
    features of the pretrained network, both parts weighing the same in each class. It has seen both kinds of images
    alike, so what it still loses on test cannot be learned from more images of that kind: difficulty = accuracy on
    validation − accuracy on test, both at the class shares of test. What remains of the terms threshold and ranking is
    learnable from target data. It is established if the classifier is a fair yardstick (on validation at most 3 points
    below the run), the same sign comes out without the weighting, and people have read the test images that the
    diagnosis lists for review (`--review`). Without that it is suggested at most, since wrong labels would look the
    same: with 12 % of the test labels of chest X-rays turned round, such a classifier lost 12.5 points as well.
    Weighting matters: without it, in one case, 11.5 points were called difficulty where 5 were, since the larger part
    dominates.

    Why it matters: No augmentation, threshold or fine-tuning mends images that do not show what is asked. It is hard
    *for these features and this size of image*: fine detail lost by shrinking the image counts as difficulty, and so do
    wrong labels that nobody has reviewed, which no classifier can learn.

    What to do: Look at the cited images. Check their labels; try a larger input size or a backbone nearer to the field;
    get a better reference standard; or accept that they are hard, and report them as a stratum of their own.
    """

    code: ClassVar[str] = "difficulty"
    title: ClassVar[str] = "Harder test images"
    level: ClassVar[int] = 2
    remedy: ClassVar[str] = (
        "Check the cited images' labels, try a larger input size, or report them as their own stratum."
    )
    experiments: ClassVar[tuple[str, ...]] = (EXPERIMENT,)

    def judge(self, case: Case) -> Finding:
        """Pooled validation minus pooled test accuracy, the parts weighing the same."""
        balanced = pooled(case, "balanced")
        if balanced is None:
            return without(self, case, EXPERIMENT)
        points = balanced.difficulty
        fair = balanced.val.accuracy_after.value >= balanced.val.accuracy_before.value - SLACK
        other = pooled(case, "unbalanced")
        agrees = fair and (other is None or other.difficulty.value > 0)
        verdict, reason = weigh(points, agrees)
        unread = 0
        if verdict in ("established", "suggested"):
            unread = len(still_to_review(case.evidence, to_review(case.evidence)))
        if unread:
            verdict, reason = "suggested", f"needs two blind readers for {unread} test images"
        learnable = remaining(case) - points
        numbers = {
            "pooled_val_accuracy": balanced.val.accuracy_after.value / 100,
            "pooled_test_accuracy": balanced.true_test.accuracy_after.value / 100,
            "learnable_points": learnable.value,
        }
        if unread:
            numbers["to_review"] = float(unread)
        if other is not None:
            numbers["unbalanced_points"] = other.difficulty.value
        sentence = _sentence(verdict, reason, points, learnable, unread)
        if not fair:
            sentence += " It is a poor yardstick, though: on validation it is well below the run itself."
        images = _hard(balanced) if verdict in ("established", "suggested") else ()
        alternatives = ("labels",) if unread else ()
        return self.finding(
            verdict, sentence, points, reason=reason, images=images, numbers=numbers, alternatives=alternatives
        )

    def remedies(self, case: Case) -> tuple[Remedy, ...]:
        """A classifier learned with target images, out of fold by patient: scored on patients it has not seen."""
        gain = case.gain(EXPERIMENT, "balanced", "test")
        if gain is None:
            return ()
        name = "a linear classifier learned from validation and test patients, scored on other test patients"
        return (case.remedy(name, gain, self.code, exploratory=False),)


def _sentence(verdict: Verdict, reason: str, points: Measured, learnable: Measured, unread: int) -> str:
    """What was found; `unread` is the number of test images whose review would tell wrong labels from harder images."""
    told = (
        f"A classifier that learned from validation and test images alike is right less often on test by {said(points)}"
    )
    if verdict == "excluded":
        return f"{told}: the test images are not harder, and what separates them can be learned."
    if verdict == "not identifiable":
        return f"{told}: too uncertain to tell whether the test images are harder; it {reason}."
    rest = f"The rest of threshold and ranking, {said(learnable)}, could be learned from images like those of test."
    if not unread:
        return f"{told}: these images are harder. {rest}"
    return (
        f"{told}: these images are harder, or their labels are wrong, which would look the same; two blind readers for "
        f"{unread} test images (they are listed under `review`) settle which. {rest}"
    )


def _hard(balanced: Pooled) -> tuple[str, ...]:
    """Test images that it gets wrong out of fold, those it is surest of first."""
    test = balanced.test
    own = test.logits_after[np.arange(len(test.labels)), test.labels]
    lead = test.logits_after.max(axis=1) - own
    order = np.argsort(-lead, kind="stable")
    return tuple(test.ids[i] for i in order if not test.after[i])[:SHOWN]


CAUSE = Difficulty()
