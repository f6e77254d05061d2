"""Decision threshold: test images are ranked well, but cut in the wrong place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told, left_out_told
from heldout.diagnosis.gap import bearing_classes
from heldout.diagnosis.gap.review import reviewed_test
from heldout.diagnosis.gap.small_classes import left_out_words, smallest_bearing, without_threshold
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.trials import Trials
from heldout.diagnosis.verdict import Decision, heard, undecided, unless_left_out, weigh
from heldout.diagnosis.words import IMAGES, PATIENTS, said
from heldout.records import ReasonKind, Remedy
from heldout.records.predictions import Predictions
from heldout.stats.measured import Measured
from heldout.stats.scores import Indices
from heldout.stats.thresholds import FOLDS, Movable, best_biases, scored
from heldout.stats.weighted import weighted_mean
from heldout.stats.weights import Weights
from heldout.ties import first_of_largest, in_order, settled

SMALLEST = "smallest class"
"""What a verdict speaks of that its number of images leaves open."""


@dataclass(frozen=True)
class Cut:
    """Where the decision lies.

    Attributes:
        points: The threshold term.
        gain: Points that a cut set on one half of the test patients gains on the other half.
        excess: The class that is answered too often, the share of test for which it is answered, and the share of
            which it is true; None where no class is.
        images: Test images that a better cut mends, least sure first.
        undecided: Points, at most, that classes too small for a cut leave undecided.
        left_out: These classes, in words; empty where there are none.
        smallest: The class with the fewest images on either side that the cut moves between, and their number; None
            where it has enough (`few_threshold_class`).
    """

    points: Measured
    gain: Measured
    excess: tuple[str, float, float] | None
    images: tuple[str, ...]
    undecided: float = 0.0
    left_out: str = ""
    smallest: tuple[str, int] | None = None


class Threshold(Cause[Cut]):
    """The classifier still tells the classes apart on test, but its cut between them no longer lies where it should.

    How it is detected: A* is the accuracy at the best biases of the classes (for two classes: the best threshold),
    found on four fifths of the patients and scored on the rest, so that nothing is gained by fitting noise. The term
    is what that gains on test beyond what it gains on validation at the class shares of test: (A*_T − A_T) − (A*_V −
    A_V), the biases looked for on as many images of each class on both sides. The intervention: the cut is set on one
    half of the test patients and scored on the other, and swapped; where that surely loses points, or regains no more
    than {margin} of them, the threshold is excluded. Where a class that it moves between has fewer than
    {few_threshold_class} images on either side, it is neither excluded by that nor said to raise test: a search on so
    few may not find what there is.

    Why it matters: It is the cheapest drop to mend. It needs no new network, only some labelled images from where the
    model will be used. It is a symptom as well: something moved the scores, and the other findings say what.

    What to do: Set the threshold (or bias and temperature) anew on a small labelled sample from the target, and report
    AUC beside accuracy, since AUC does not see the threshold.
    """

    code: ClassVar[str] = "threshold"
    takes_labels: ClassVar[bool] = True
    title: ClassVar[str] = "Decision threshold"
    level: ClassVar[int] = 2
    remedy: ClassVar[str] = "Set the threshold anew on a small labelled sample from where the model will be used."
    term: ClassVar[str | None] = "threshold"

    def measure(self, data: CauseData) -> Cut | Missing:
        """The threshold term, and what a cut set on half of test gains on the other half."""
        points = data.gap.terms.get("threshold")
        if points is None:
            few = f"{data.rules.min_threshold_class} images and {FOLDS} {PATIENTS} of each of two or more classes"
            needs = f"at least {few} on both sides ({data.gap.details['threshold']})"
            return Missing(ReasonKind.MORE_IMAGES, needs)
        samples, rules = data.gap.samples, data.rules
        undecided = data.gap.parts["threshold"].undecided
        small = without_threshold(samples, rules)
        left_out = left_out_words(samples, data.run.classes, small, undecided)
        mended = _mended(samples.test, samples.test_weights[:1], bearing_classes(samples, rules))[: rules.max_images]
        k, images = smallest_bearing(samples, rules)
        smallest = (data.run.classes[k], images) if images < rules.few_threshold_class else None
        return Cut(points, halved_gain(data), _excess(data, samples.test), mended, undecided, left_out, smallest)

    def decide(self, measured: Cut, rules: Rules) -> Decision:
        """Established where a cut set on half of test gains on the other half."""
        decision = weigh(measured.points, measured.gain.low > 0, rules)
        decision = heard(decision, Trials(measured.points, measured.gain), rules)
        if decision.verdict == "suggested" and settled(measured.gain.high - rules.margin) <= 0:
            decision = Decision("excluded", ReasonKind.CONTRADICTED, trial="remedy")
        if measured.smallest and decision.kind in (ReasonKind.RAISES_TEST, ReasonKind.CONTRADICTED):
            few = undecided(ReasonKind.MORE_IMAGES, rules.few_threshold_class, measured.smallest[1])
            return replace(few, about=SMALLEST)
        return unless_left_out(decision, measured.points, measured.undecided, rules)

    def tell(self, measured: Cut, decision: Decision, rules: Rules) -> Told:
        """The term, the class that is answered too often, and the gain."""
        gain, direction = measured.gain, ""
        if measured.excess is not None:
            name, called, true = measured.excess
            direction = f": '{name}' is answered for {called:.0%} of the test {IMAGES} and true of {true:.0%}"
        sentence = (
            f"Setting the cut anew mends {said(measured.points)} more on test than on validation"
            f"{direction}. Set on one half of the test {PATIENTS} and scored on the other it gains {said(gain)}."
        )
        ending, reason = left_out_told(decision, measured.left_out)
        if measured.smallest and decision.about == SMALLEST:
            name, images = measured.smallest
            reason = (
                f"at least {decision.wanted} images of each class in validation and in test ('{name}' has {images})"
            )
        numbers = {"gain_halved": gain.value, "gain_halved_low": gain.low, "gain_halved_high": gain.high}
        explains = {"threshold": measured.points.value}
        return Told(
            sentence + ending,
            reason=reason,
            points=measured.points,
            images=measured.images,
            numbers=numbers,
            explains=explains,
        )

    def remedies(self, data: CauseData) -> tuple[Remedy, ...]:
        """The cut set on one half of the test patients, scored on the other."""
        if "threshold" not in data.gap.terms:
            return ()
        name = f"decision threshold set anew on half of the test {PATIENTS}, scored on the other half"
        return (Remedy(name, halved_gain(data).estimate(), False, self.code),)


def halved_gain(data: CauseData) -> Measured:
    """Points that a cut set on one half of the test patients gains on the other half, both ways, several halvings.

    By the labels that reviewers gave, as the term: a cut set on wrong labels gains on wrong labels. Classes that the
    term leaves out are left out here too, and their images stay as they are answered.
    """
    halvings, test = data.rules.threshold_halvings, data.run.test
    assert test is not None
    images, weights, _ = reviewed_test(data.run)
    movable = Movable.among(images.labels, images.logits, bearing_classes(data.gap.samples, data.rules))
    some = weights[:, movable.rows]
    unit = np.unique(images.units[movable.rows], return_inverse=True)[1]
    rng = np.random.default_rng((data.run.bootstrap_seed, 13))
    held = np.delete(np.arange(len(images)), movable.rows)
    right = halvings * np.where(images.right[held], weights[:, held], 0).sum(axis=1, dtype=np.float64)
    for _ in range(halvings):
        first = (rng.permutation(unit.max() + 1) < (unit.max() + 1) // 2)[unit]
        for half in (first, ~first):
            biases = best_biases(movable.labels[half], movable.logits[half], some[:, half])
            right += scored(movable.labels[~half], movable.logits[~half], some[:, ~half], biases)
    gained = right / halvings / weights.sum(axis=1, dtype=np.float64) - weighted_mean(images.right, weights)
    return data.gap.draws.measured(100 * gained, len(test))


def _mended(test: Predictions, weights: Weights, classes: Indices | None) -> tuple[str, ...]:
    """Test images that are wrong now and right at the best biases of all of them, least sure first."""
    movable = Movable.among(test.labels, test.logits, classes)
    bias = best_biases(movable.labels, movable.logits, weights[:, movable.rows])[0]
    after = first_of_largest(movable.logits + bias) == movable.labels
    mended = movable.rows[after & ~test.right[movable.rows]]
    top = np.sort(test.logits, axis=1)
    order = in_order((top[:, -1] - top[:, -2])[mended])
    return tuple(test.ids[i] for i in mended[order])


def _excess(data: CauseData, test: Predictions) -> tuple[str, float, float] | None:
    """Which class is answered too often, and the shares for which it is answered and of which it is true."""
    called = np.bincount(test.predicted, minlength=data.run.k) / len(test)
    true = data.gap.samples.test_shares
    most = int(first_of_largest(called - true))
    if settled(called[most] - true[most]) < data.rules.excess_answers:
        return None
    return data.run.classes[most], float(called[most]), float(true[most])


CAUSE = Threshold()
