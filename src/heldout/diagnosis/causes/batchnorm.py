"""BatchNorm's stored means and variances: do they still fit the test images, or even the validation images?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told, without
from heldout.diagnosis.effects import Effect, effect_of, explained_terms, remedy_tried
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.trials import Trials
from heldout.diagnosis.verdict import Decision, heard, weigh_effects
from heldout.diagnosis.words import SCORE, said
from heldout.records import Remedy
from heldout.stats.joint import training_accuracy
from heldout.stats.measured import Measured, simultaneous
from heldout.ties import first_best, settled

INTERVENTION = "batchnorm"

OWN = "own-statistics"
"""The variant in which validation was scored with statistics estimated anew on training images."""


@dataclass(frozen=True)
class Forgotten:
    """Accuracy on training images while the network learned and when it is finished, and what was lost; points."""

    then: float
    now: float
    lost: Measured


@dataclass(frozen=True)
class Fault:
    """Signs that the stored statistics are not those of the training images.

    Attributes:
        own: Validation with statistics estimated anew on training images, before and after; None where not tried.
        gain: What it gains thereby, points; None likewise.
        forgotten: What the finished network no longer knows of the training images; None where that cannot be asked.
    """

    own: Effect | None
    gain: Measured | None
    forgotten: Forgotten | None

    def told(self, rules: Rules) -> bool:
        """Whether statistics of training images are better for validation by more than the margin, surely."""
        if self.own is None or self.gain is None:
            return False
        sure = self.gain.low > 0 and self.own.p < rules.level / self.own.looks
        return sure and settled(self.gain.value - rules.margin) > 0

    def found(self, rules: Rules) -> bool:
        """Whether there is a plain bug."""
        lost = self.forgotten is not None and self.forgotten.lost.low > rules.forgotten
        return self.told(rules) or lost


@dataclass(frozen=True)
class Blends:
    """Stored statistics blended with those of test.

    Attributes:
        fault: Signs of a plain bug.
        alpha: Share of test's statistics in the best blend; None where none was tried.
        points: What test gains beyond validation with it, interval by Bonferroni's rule.
        test: Test with it.
        val: Validation with it; None where not scored.
        others_gain: Whether another blend gains on test too; None where there is no other.
        comparisons: Number of blends.
        absent: Why no blend was tried.
        smaller: What test gains by the worst of the blends with less of its statistics, points; None without one.
    """

    fault: Fault
    absent: Missing
    alpha: float | None = None
    points: Measured | None = None
    test: Effect | None = None
    val: Effect | None = None
    others_gain: bool | None = None
    comparisons: int = 0
    smaller: Measured | None = None


class BatchNorm(Cause[Blends]):
    """The network rescales its inner signals by means and variances stored in training; on test they do not fit.

    How it is detected: The stored statistics are blended with those of the test images: (1 − α)·stored + α·test, α of
    ¼, ½ and 1 (Schneider et al. 2020; Nado et al. 2020). No label is learned from, but the batches are put together
    with the class shares of train, which takes the test labels: otherwise other shares would pass for another
    appearance. No image is scored with statistics that it went into. Points are what test gains thereby beyond what
    validation gains from the same blend: gain_T − max(0, gain_V). A loss on validation is not counted for the cause,
    since statistics of another set ought to fit validation less well. The best α is reported with an interval widened
    by Bonferroni's rule, and established only if another α gains too and neither image quality nor covariate shift is
    called a cause: other statistics are how these act. It is excluded where a smaller α surely loses on test, since
    half of what mends would do some of it. Besides, validation is scored with statistics estimated anew on training
    images: if they are better for validation than the stored ones by more than {margin} points (interval and
    randomisation test), the stored ones are not those of the training images, which is a plain bug (too few updates, a
    wrong momentum, "frozen" layers that drift). Statistics of validation or test images would not tell: where both come
    from another site than train these mend both, though the stored ones are right. So it is if the finished network is
    right on the training images by more than {forgotten} points less often than it was while it learned them: in
    training each layer rescales by the batch at hand, afterwards by what is stored. A bug lowers validation and test
    alike, and is told where there is no gap too.

    Why it matters: With another scanner or staining the same tissue gives other means; each layer then passes shifted
    signals on, though the filters are right. It costs next to nothing to mend.

    What to do: Re-estimate the BatchNorm statistics on target images, of about the class shares of train, and blend
    them with the stored ones, or keep BatchNorm frozen while fine-tuning. After a plain bug: train again with
    statistics that are updated often enough (larger momentum or batches), or frozen.
    """

    code: ClassVar[str] = "batchnorm"
    title: ClassVar[str] = "BatchNorm statistics"
    level: ClassVar[int] = 1
    carries: ClassVar[tuple[str, ...]] = ("image-quality", "covariate-shift")
    """Other statistics are how blur, noise or another stain act: what differs in the images is the cause."""
    remedy: ClassVar[str] = "Re-estimate the BatchNorm statistics on target images and blend them in."
    interventions: ClassVar[tuple[str, ...]] = (INTERVENTION,)

    def measure(self, data: CauseData) -> Blends | Missing:
        """The best blend, and signs of a plain bug."""
        blends = _blends(data)
        own = effect_of(data, INTERVENTION, OWN, "val")
        fault = Fault(own, None if own is None else simultaneous(own.lost * -1.0, 1, own.level), _forgotten(data))
        absent = without(data, INTERVENTION)
        if not blends:
            return Blends(fault, absent) if fault.found(data.rules) else absent
        points = {alpha: _points(test, val, len(blends)) for alpha, (test, val) in blends.items()}
        best = first_best(points, lambda alpha: points[alpha].value)
        others = [settled(test.lost.value) < 0 for alpha, (test, _) in blends.items() if alpha != best]
        agrees = any(others) if others else None
        smaller = [test.lost * -1.0 for alpha, (test, _) in blends.items() if alpha < best]
        least = first_best(smaller, lambda gain: -gain.value) if smaller else None
        return Blends(fault, absent, best, points[best], *blends[best], agrees, len(blends), least)

    def decide(self, measured: Blends, rules: Rules) -> Decision:
        """The best blend, if another gains too; else a plain bug, which is told gap or no gap."""
        fault = Decision("suggested", priority=0.0, fault=True)
        if measured.points is None or measured.test is None:
            return fault
        decision = weigh_effects(measured.points, [measured.test], measured.others_gain, rules, measured.comparisons)
        decision = heard(decision, Trials(measured.test.lost * -1.0, half=measured.smaller), rules)
        return fault if not decision.positive and measured.fault.found(rules) else decision

    def tell(self, measured: Blends, decision: Decision, rules: Rules) -> Told:
        """The best blend, or the bug alone, which has no points of the gap."""
        numbers = _numbers(measured)
        if decision.fault:
            return Told(_bug(measured.fault, rules), False, numbers=numbers)
        assert measured.points is not None and measured.test is not None and measured.alpha is not None
        sentence = f"Replacing {measured.alpha:.0%} of the stored statistics by those of the test images changes test "
        sentence += f"{SCORE} by {said(measured.test.lost * -1.0)}"
        if measured.val is not None:
            sentence += f" and validation {SCORE} by {said(measured.val.lost * -1.0)}"
        if decision.trial and measured.smaller is not None:
            sentence += f"; but a smaller share changes it by {said(measured.smaller)}"
        bug = f" {_bug(measured.fault, rules)}" if decision.positive and measured.fault.found(rules) else ""
        explains = explained_terms(measured.points.value, -measured.test.mended())
        images = measured.test.mended_ids[: rules.max_images] if decision.positive else ()
        return Told(f"{sentence}.{bug}", points=measured.points, images=images, numbers=numbers, explains=explains)

    def remedies(self, data: CauseData) -> tuple[Remedy, ...]:
        """Every blend; the best of them is picked by its test accuracy."""
        found: tuple[Remedy, ...] = ()
        for variant in _alphas(data):
            name = f"BatchNorm statistics re-estimated on test images ({variant})"
            found += remedy_tried(data, INTERVENTION, variant, name, self.code)
        return found


def _alphas(data: CauseData) -> dict[str, float]:
    scored = data.run.scored.get(INTERVENTION)
    return {} if scored is None else scored.values("alpha")


def _blends(data: CauseData) -> dict[float, tuple[Effect, Effect | None]]:
    """Share of test's statistics -> what it did to test, and to validation."""
    found = {}
    for variant, alpha in _alphas(data).items():
        test = effect_of(data, INTERVENTION, variant, "test")
        if test is not None and alpha > 0:
            found[alpha] = (test, effect_of(data, INTERVENTION, variant, "val"))
    return found


def _points(test: Effect, val: Effect | None, comparisons: int) -> Measured:
    """What test gains beyond what validation gains; a loss on validation is not counted for the cause."""
    gain = test.lost * -1.0
    if val is None:
        return simultaneous(gain, comparisons, test.level)
    shared = replace(val.lost, value=max(0.0, -val.lost.value), replicates=np.maximum(0.0, -val.lost.replicates))
    return simultaneous(gain - shared, comparisons, test.level)


def _forgotten(data: CauseData) -> Forgotten | None:
    """What the finished network no longer answers right of what it did while it learned; None without a history."""
    run = data.run.images or data.run  # the history speaks of accuracy, image by image, whatever the run is judged by
    history = run.history
    if run.train is None or history.empty or "train_accuracy" not in history:
        return None
    if run.why_absent(INTERVENTION).does_not_apply:
        return None  # without BatchNorm nothing is stored for use after training
    if run.choices:
        return None  # weights that were chosen among after training are not those of any epoch
    epochs = history.iloc[-1:]
    if run.learning.keeps == "best":  # which measure chose the epoch is not known here: the least from either on
        epochs = history.iloc[min(int(history["val_accuracy"].argmax()), int(history["val_loss"].argmin())) :]
    then = 100 * float(epochs["train_accuracy"].min())
    now = training_accuracy(run.train, run.bootstrap, run.bootstrap_seed)
    return Forgotten(then, now.value, replace(now, value=then - now.value, replicates=then - now.replicates))


def _numbers(measured: Blends) -> dict[str, float]:
    numbers = {}
    if measured.alpha is not None and measured.test is not None:
        numbers = {"alpha": measured.alpha, "gain_test": -measured.test.lost.value}
        numbers["images_scored"] = float(len(measured.test.ids))
    if measured.val is not None:
        numbers["gain_val"] = -measured.val.lost.value
    if measured.fault.gain is not None:
        numbers["own_statistics_val_points"] = measured.fault.gain.value
    return numbers


def _bug(fault: Fault, rules: Rules) -> str:
    """How the bug shows."""
    if fault.gain is not None and fault.told(rules):
        return (
            "There is a plain bug: with statistics estimated anew on training images the validation images score "
            f"{said(fault.gain)} better than with the stored ones, which are meant to be the same. That lowers "
            "validation and test alike."
        )
    assert fault.forgotten is not None
    return (
        f"There is a plain bug: while it learned, the network was right on {fault.forgotten.then:.0f} % of the "
        f"training images, and finished it is so on {fault.forgotten.now:.0f} % of the same images, "
        f"{said(fault.forgotten.lost)} less. What it stores for use after training, the BatchNorm statistics first of "
        "all, does not belong to its weights. That lowers validation and test alike."
    )


CAUSE = BatchNorm()
