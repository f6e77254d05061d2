"""Harder images: would a classifier that has learned from test images too still be worse on them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told, left_out_told, without
from heldout.diagnosis.contradiction import Contradiction, contradicted
from heldout.diagnosis.effects import remedy_tried
from heldout.diagnosis.pooled import INTERVENTION, Pooled, pooled, remaining
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.suspects import still_to_review
from heldout.diagnosis.verdict import Decision, undecided, unless_left_out, weigh
from heldout.diagnosis.words import IMAGES, PATIENTS, said
from heldout.records import ReasonKind, Remedy
from heldout.stats.measured import Measured
from heldout.ties import in_order, settled


@dataclass(frozen=True)
class Hardness:
    """What a classifier that learned from both parts says.

    Attributes:
        balanced: The classifier, both parts weighing the same.
        points: Its validation minus its test accuracy.
        unbalanced: The same without the weighting; None where not tried.
        learnable: What is left of threshold and ranking.
        unread: Test images whose review would tell wrong labels from harder images.
        contradiction: What independent models contradict surely and alike; None where too few were asked, or people
            have read the labels.
    """

    balanced: Pooled
    points: Measured
    unbalanced: Measured | None
    learnable: Measured
    unread: int
    contradiction: Contradiction | None = None

    def wrong_labels(self, rules: Rules) -> Measured | None:
        """Points of `points` that are told to be wrong labels; None where that cannot be told."""
        found = self.contradiction
        return found.points if found is not None and found.tells(rules) else None

    def left(self, rules: Rules) -> Measured:
        """What wrong labels leave for harder images."""
        labels = self.wrong_labels(rules)
        return self.points if labels is None else self.points - labels

    def told_apart(self, rules: Rules) -> bool:
        """Whether wrong labels can be no more than the smaller part of it."""
        return self.contradiction is not None and self.contradiction.too_few(rules)

    def fair(self, rules: Rules) -> bool:
        """Whether it is a fair yardstick: about as good on validation as the run."""
        val = self.balanced.val
        return settled(val.accuracy_after.value - val.accuracy_before.value) >= -rules.yardstick_slack


class Difficulty(Cause[Hardness]):
    """Test images are harder, or their labels worse: nobody who learned from them would do as well on them either.

    How it is detected: A classifier is learned on validation and test images together, out of fold by patient, on
    features of the pretrained network, both parts weighing the same in each class. It has seen both kinds of images
    alike, so what it still loses on test cannot be learned from more images of that kind: difficulty = accuracy on
    validation − accuracy on test, both at the class shares of test. What remains of the terms threshold and ranking is
    learnable from target data. It is established if the classifier is a fair yardstick (on validation at most
    {yardstick_slack} points below the run), the same sign comes out without the weighting, and people have read the
    test images that the diagnosis lists for review (`--review`). Without that it is suggested at most, since by
    accuracy wrong labels look the same: with 12 % of the test labels of chest X-rays turned round, such a classifier
    lost 12.5 points as well. Where sure contradictions by independent models tell wrong labels (see `labels`), their
    points are taken off and what is left is judged. Weighting matters: without it, in one case, 11.5 points were called
    difficulty where 5 were, since the larger part dominates.

    Why it matters: No augmentation, threshold or fine-tuning mends images that do not show what is asked. It is hard
    *for these features and this size of image*: fine detail lost by shrinking the image counts as difficulty, and so
    do wrong labels that nobody has reviewed, which no classifier can learn.

    What to do: Look at the cited images. Check their labels; try a larger input size or a backbone nearer to the
    field; get a better reference standard; or accept that they are hard, and report them as a stratum of their own.
    """

    code: ClassVar[str] = "difficulty"
    title: ClassVar[str] = "Harder test images"
    level: ClassVar[int] = 2
    remedy: ClassVar[str] = (
        "Check the cited images' labels, try a larger input size, or report them as their own stratum."
    )
    interventions: ClassVar[tuple[str, ...]] = (INTERVENTION,)
    term: ClassVar[str | None] = "difficulty"

    def measure(self, data: CauseData) -> Hardness | Missing:
        """Pooled validation minus pooled test accuracy."""
        balanced, unbalanced = pooled(data, "balanced"), pooled(data, "unbalanced")
        if balanced is None and data.run.scored.get(INTERVENTION) is not None:
            few = f"at least {data.rules.min_pooled_class} images of a class in validation and in test"
            return Missing(ReasonKind.MORE_IMAGES, few)
        if balanced is None:
            return without(data, INTERVENTION)
        points = balanced.difficulty
        other = None if unbalanced is None else unbalanced.difficulty
        unread = len(still_to_review(data.run, data.to_review))
        return Hardness(balanced, points, other, remaining(data) - points, unread, data.contradiction)

    def decide(self, measured: Hardness, rules: Rules) -> Decision:
        """Established by a fair yardstick, and never before people have read the labels in doubt."""
        same_sign = measured.unbalanced is None or settled(measured.unbalanced.value) > 0
        left = measured.left(rules)
        decision = weigh(left, measured.fair(rules) and same_sign, rules)
        decision = unless_left_out(decision, left, measured.balanced.undecided, rules)
        if not measured.unread:
            return decision
        if decision.positive:
            return Decision("suggested", ReasonKind.REVIEW)
        if measured.wrong_labels(rules) is not None:  # what is left is known no better than they are
            return undecided(ReasonKind.REVIEW)
        return decision

    def tell(self, measured: Hardness, decision: Decision, rules: Rules) -> Told:
        """By how much, and what else would look the same."""
        balanced = measured.balanced
        numbers = {
            "pooled_val_accuracy": balanced.val.accuracy_after.value / 100,
            "pooled_test_accuracy": balanced.true_test.accuracy_after.value / 100,
            "learnable_points": measured.learnable.value,
        }
        in_doubt = decision.kind is ReasonKind.REVIEW
        if in_doubt:
            numbers["to_review"] = float(measured.unread)
        if measured.unbalanced is not None:
            numbers["unbalanced_points"] = measured.unbalanced.value
        sentence = _sentence(measured, decision, rules)
        ending, reason = left_out_told(decision, balanced.left_out)
        sentence += ending
        if not measured.fair(rules):
            sentence += " It is a poor yardstick, though: on validation it is well below the run itself."
        return Told(
            sentence,
            reason=f"two blind readers for {measured.unread} test {IMAGES}" if in_doubt else reason,
            points=measured.left(rules),
            images=_hard(balanced)[: rules.max_images] if decision.positive else (),
            numbers=numbers,
            explains={"difficulty": measured.left(rules).value},
            alternatives=("labels",) if in_doubt else (),
        )

    def remedies(self, data: CauseData) -> tuple[Remedy, ...]:
        """A classifier learned with target images, out of fold by patient: scored on patients it has not seen."""
        name = f"a linear classifier learned from validation and test {PATIENTS}, scored on other test {PATIENTS}"
        return remedy_tried(data, INTERVENTION, "balanced", name, self.code, exploratory=False)


def _sentence(measured: Hardness, decision: Decision, rules: Rules) -> str:
    told = (
        "A classifier that learned from validation and test images alike is right less often on test by "
        f"{said(measured.points)}"
    )
    labels, found = measured.wrong_labels(rules), measured.contradiction
    if labels is not None and found is not None:
        return (
            f"{told}. {contradicted(found)} That is how wrong labels look, for {said(labels)}; "
            f"{said(measured.left(rules))} are left for harder images. Two blind readers for {measured.unread} test "
            "images (they are listed under `review`) settle it."
        )
    if not decision.positive:
        return f"{told}."
    rest = (
        f"The rest of threshold and ranking, {said(measured.learnable)}, could be learned from images like those "
        "of test."
    )
    if decision.kind is not ReasonKind.REVIEW:
        return f"{told}: these images are harder. {rest}"
    settle = f"two blind readers for {measured.unread} test {IMAGES} (they are listed under `review`) settle"
    if found is not None and measured.told_apart(rules):
        return (
            f"{told}: these images are harder. {contradicted(found)} Labels that were turned at random would be "
            f"contradicted surely, and can be no more than the smaller part of it ({said(found.points)}); that those "
            f"of unclear images are wrong is not excluded: {settle} it. {rest}"
        )
    return (
        f"{told}: these images are harder, or their labels are wrong, which would look the same; {settle} which. {rest}"
    )


def _hard(balanced: Pooled) -> tuple[str, ...]:
    """Test images that it gets wrong out of fold, those it is surest of first."""
    test = balanced.test
    own = test.logits_after[np.arange(len(test.labels)), test.labels]
    lead = test.logits_after.max(axis=1) - own
    return tuple(test.ids[i] for i in in_order(lead, descending=True) if not test.after[i])


CAUSE = Difficulty()
