"""Blur, noise, contrast, compression: does giving validation images the quality of the test images cost as much?"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes._mapped import ALL, DEGRADED, Mapped, Qualities, Returned, is_shift
from heldout.diagnosis.causes.cause import Cause, Missing, Told, left_out_told, without
from heldout.diagnosis.effects import Effect, effect_of, explained_terms, remedy_tried
from heldout.diagnosis.gap.small_classes import left_out_words, too_small, val_right
from heldout.diagnosis.pooled import remaining
from heldout.diagnosis.properties import extreme_and_wrong, is_known, property_of, shift_of
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.trials import Trial
from heldout.diagnosis.verdict import Decision, heard, weigh_effects
from heldout.diagnosis.words import SCORE, said
from heldout.records import ReasonKind, Remedy
from heldout.stats.measured import simultaneous
from heldout.ties import DIGITS, first_best, first_of_largest, settled

INTERVENTION = "quality"

HALF, CONTROL = "half", "control"
"""What stands before a property, with a colon, in the variants in which validation images were brought half the way, or
given the values of other validation images."""

REVERSE = "reverse"
"""What a decision is about that rests on test images alone."""


class ImageQuality(Cause[Qualities]):
    """Test images are blurrier, noisier, flatter, darker or more compressed than validation images.

    How it is detected: By an experiment, not by a correlation. Each validation image is given the sharpness (noise,
    contrast, …) that test images of its class have, by blurring, adding grain, scaling grey levels or compressing it,
    and the network looks at it again. The points lost are what that property explains: Σ_k π^T_k (recall of the images
    as they are − recall of the mapped ones), with π^T the class shares of test and quantile mapping within the class.
    The property that costs most is named; its interval is widened by Bonferroni's rule for having been picked among
    several. It is established only if the reverse agrees: test images given the quality of validation images regain
    points, within a factor of {agreement}. Blur, grain and compression cannot honestly be taken away, and lost
    contrast not be given back without stretching the grain; there it is asked instead that the property differs
    between validation and test in a class by at least {min_shift} standard deviations (patients as units, Holm's p <
    {level}), and that at least half of the loss falls in such classes. A property in which test does not differ is
    excluded, whatever disturbing it costs, unless the reverse agrees. So is one that another trial contradicts: the
    reverse costs points on test too; half of the change costs more than the whole, or gains; or the same procedure
    costs as much where nothing differs (half of the validation images of a class given the values of the other half).
    Test images have the property already. So where the change surely costs validation more, by {margin} points, than
    test loses by its images, the network suffers from the processing as well: unless the reverse agrees it is
    suggested at most, and the control is asked what it would cost on as many images as the change touched.
    A property that alone surely costs more than all together is not judged alone: the others take that back. All
    together are then judged, and borne out by that property's own difference if it cannot be given back. The two
    trials named last are made of the costliest property only: where they contradict it, another one is suggested at
    most, unless its reverse agrees. At least a few images must change sides (randomisation
    test over patients). Properties: `heldout.images.quality`.

    Why it matters: Networks read texture, and a blurred or re-compressed image has another texture although a person
    sees the same cell. A scanner, an objective, an export setting or another year of acquisition is enough, and often
    only one class is concerned, because its images came from elsewhere.

    What to do: Train with augmentation that covers the quality of the test images (random blur, noise, contrast or
    compression over the measured range), or bring all images to one quality before training; and find out where the
    concerned images were made. Sharpening test images is not a remedy, it invents detail.
    """

    code: ClassVar[str] = "image-quality"
    title: ClassVar[str] = "Image quality"
    level: ClassVar[int] = 0
    takes_labels: ClassVar[bool] = True
    divides_by_given_labels: ClassVar[bool] = True
    remedy: ClassVar[str] = (
        "Augment the training images over the quality of the test images, or bring both to one quality first."
    )
    interventions: ClassVar[tuple[str, ...]] = (INTERVENTION,)

    def measure(self, data: CauseData) -> Qualities | Missing:
        """Every property that was mapped, both ways."""
        scored = data.run.scored.get(INTERVENTION)
        samples = data.gap.samples
        small = too_small(samples, data.rules.min_mapped_class)
        undecided = val_right(samples, small)
        few = left_out_words(samples, data.run.classes, small, undecided), undecided
        if scored is None:
            differs = data.run.why_absent(INTERVENTION).kind is not ReasonKind.NO_DIFFERENCE
            return without(data, INTERVENTION) if differs else Qualities((), None, None, 0, *few)
        names = [name for name in scored.variants if name.partition(":")[0] not in (HALF, CONTROL)]
        effects = {name: effect_of(data, INTERVENTION, name, "val") for name in names}
        seen = {name: effect for name, effect in effects.items() if effect is not None}
        if len(seen) == 2 and ALL in seen:
            seen.pop(ALL)  # the other one is all there is
        mapped = {name: _mapped(data, name, effect, len(seen)) for name, effect in seen.items()}
        single = tuple(one for name, one in mapped.items() if name != ALL)
        returned = _returned(data, [name for name in names if name not in seen and name != ALL])
        if not mapped and returned is None:
            return without(data, INTERVENTION)
        every = mapped.get(ALL)
        if every is not None:  # what is mapped together can be given back if each can
            every = replace(every, honest=all(one.undoable for one in single))
        return Qualities(single, every, returned, len(seen), *few)

    def decide(self, measured: Qualities, rules: Rules) -> Decision:
        """The costliest property, or all together where they take it back; then the reverse alone; then all together.

        What is excluded by all together is excluded.
        """
        tried, against = [], measured.contradicted(rules)
        best = measured.best(rules)
        taken_back = best is not None and measured.taken_back(best, rules)
        if best is not None and not taken_back:
            doubted = against is not None and against.against(rules) in ("dose", "control")
            more = not doubted or best.half is not None or best.control is not None
            agrees = best.agrees(rules, more)
            tried.append(_decide(best, best.differs(rules) is False, measured.comparisons, rules, agrees))
        if (returned := measured.returned) is not None:
            gain = returned.gains[returned.name]
            decision = weigh_effects(gain, [returned.effect], None, rules, len(returned.gains))
            tried.append(replace(decision, about=REVERSE))
        if measured.every is not None:
            same = bool(measured.single) and all(one.differs(rules) is False for one in measured.single)
            agrees = measured.every.agrees(rules) or measured.borne_out(rules)
            together = _decide(measured.every, same, measured.comparisons, rules, agrees)
            if against is None or together.verdict != "suggested":  # what is contradicted is among all of them
                tried.insert(0 if taken_back else len(tried), together)
        first = next((decision for decision in tried if decision.positive), None)
        if first is None and against is not None:
            first = _decide(against, False, measured.comparisons, rules)
        if first is None and tried:
            first = tried[0] if measured.every is None else together  # all together have the last word
        decision = first or Decision("excluded", ReasonKind.NO_DIFFERENCE)
        if decision.verdict == "excluded" and settled(measured.undecided - rules.margin) > 0:
            return replace(decision, verdict="not identifiable", kind=ReasonKind.SMALL_CLASSES)
        return decision

    def tell(self, measured: Qualities, decision: Decision, rules: Rules) -> Told:
        """What the property costs, and what the second measurement says."""
        ending, few = left_out_told(decision, measured.left_out)
        if not decision.about and decision.verdict != "excluded":
            sentence = "No measured property shifts between validation and test in the classes that could be judged."
            return Told(sentence, reason=few)
        if not decision.about:
            reason = "no measured property shifts between validation and test in any class"
            reason += " that has enough images" if measured.left_out else ""
            return Told(f"Image quality is not why test is lower, because {reason}.", False, reason)
        if decision.about == REVERSE:
            assert measured.returned is not None
            return _tell_returned(measured.returned, decision, rules)
        one = measured.named(decision.about)
        assert one is not None
        numbers = {f"lost_{item.name}": item.lost.value for item in (*measured.single, measured.every) if item}
        numbers["images_scored"] = float(len(one.effect.ids))
        if one.regained is not None and (one.reversible or one.name == ALL):
            numbers["regained_points"] = one.regained.value
        elif one.shift is not None:
            numbers["share_of_shifted_classes"] = one.shifted_share
        tried = {"lost_half": one.half, "lost_control": one.control}
        numbers |= {name: points.value for name, points in tried.items() if points is not None}
        if one.shift is not None:
            numbers["shift_sd"] = one.shift.smd
        best = measured.best(rules)
        dearer = best if one.name == ALL and best is not None and measured.taken_back(best, rules) else None
        sentence = _sentence(one, decision, dearer)
        images: tuple[str, ...] = ()
        if decision.positive and one.name != ALL and measured.every is not None:
            sentence += f" All properties together cost {measured.every.lost.value:.1f}."
        if decision.positive and one.beyond is not None and one.overshoots(rules):
            sentence += (
                f" Test images, which are so already, lose no more than {one.lost.value - one.beyond.value:.1f}: the "
                "rest may be what processing an image does to the network."
            )
        sentence += ending
        if decision.positive:
            images = (one.images or one.effect.turned)[: rules.max_images]
        reason = "test images do not differ from validation images in it" if decision.kind is NOT_IN_TEST else few
        explains = explained_terms(one.lost.value, one.effect.mended())
        return Told(sentence, True, reason, one.lost, images, numbers, explains)

    def remedies(self, data: CauseData) -> tuple[Remedy, ...]:
        """Test images given the quality of validation images, as far as that can be done without inventing detail."""
        name = "test images given the quality of the validation images of their class"
        return remedy_tried(data, INTERVENTION, ALL, name, self.code)


NOT_IN_TEST = ReasonKind.NO_DIFFERENCE


def _decide(one: Mapped, same: bool, comparisons: int, rules: Rules, agrees: bool | None = None) -> Decision:
    """The verdict on one property, or on all; `same` where test does not differ from validation in it."""
    agrees = one.agrees(rules) if agrees is None else agrees
    decision = weigh_effects(one.lost, [one.effect], agrees, rules, comparisons)
    if decision.verdict == "suggested" and same:
        decision = Decision("excluded", NOT_IN_TEST)
    if decision.positive and one.beyond is not None and one.overshoots(rules):
        decision = replace(decision, priority=max(0.0, one.lost.value - one.beyond.value))
    return replace(heard(decision, one.trials(rules), rules), about=one.name)


def _mapped(data: CauseData, name: str, effect: Effect, comparisons: int) -> Mapped:
    k = int(first_of_largest(effect.by_class[0]))
    back = effect_of(data, INTERVENTION, name, "test")
    moved = None if name == ALL else shift_of(data.run, data.gap.samples, name, k)
    direction = 0.0 if moved is None else float(np.sign(moved.smd))
    half, control = (effect_of(data, INTERVENTION, f"{word}:{name}", "val") for word in (HALF, CONTROL))
    return Mapped(
        name,
        effect,
        simultaneous(effect.lost, comparisons, effect.level),
        None if back is None else back.lost * -1.0,
        data.run.classes[k],
        moved,
        0.0 if moved is None else _share_where_shifted(data, name, effect, direction),
        extreme_and_wrong(data.run, data.gap.samples, name, k, direction),
        None if half is None else half.lost,
        None if control is None else control.lost,
        beyond=effect.lost - remaining(data),
        touched=1.0 if control is None else max(1.0, effect.touched / max(control.touched, 1)),
    )


def _share_where_shifted(data: CauseData, name: str, effect: Effect, direction: float) -> float:
    """Share of the points that falls in classes in which test differs in the same direction."""
    points = effect.by_class[0]
    found = {
        int(k): shift_of(data.run, data.gap.samples, name, int(k)) for k in np.flatnonzero(np.round(points, DIGITS) > 0)
    }
    alike = [k for k, moved in found.items() if moved and is_shift(moved, data.rules) and moved.smd * direction > 0]
    return float(points[alike].sum() / effect.lost.value) if settled(effect.lost.value) > 0 else 0.0


def _returned(data: CauseData, names: list[str]) -> Returned | None:
    """Test lies where validation images cannot honestly be brought (it is sharper): only the reverse is left."""
    effects = {name: effect_of(data, INTERVENTION, name, "test") for name in names}
    seen = {name: effect for name, effect in effects.items() if effect is not None}
    if not seen:
        return None
    gains = {name: simultaneous(effect.lost * -1.0, len(seen), effect.level) for name, effect in seen.items()}
    best = first_best(gains, lambda name: gains[name].value)
    return Returned(best, seen[best], gains)


def _tell_returned(returned: Returned, decision: Decision, rules: Rules) -> Told:
    gain = returned.gains[returned.name]
    sentence = (
        f"Giving test images the {returned.name} of the validation images of their class regains {said(gain)}; the "
        "reverse would invent detail and was not tried."
    )
    numbers = {f"regained_{name}": points.value for name, points in returned.gains.items()}
    numbers["images_scored"] = float(len(returned.effect.ids))
    images = returned.effect.mended_ids[: rules.max_images] if decision.positive else ()
    explains = explained_terms(gain.value, -returned.effect.mended())
    return Told(sentence, points=gain, images=images, numbers=numbers, explains=explains)


def _sentence(one: Mapped, decision: Decision, dearer: Mapped | None) -> str:
    """What one property costs, or all; `dearer` is one that alone costs more than all, and is not judged alone."""
    if decision.trial:
        return f"{_difference(one)} costs {said(one.lost)} of {SCORE}. {_contradiction(one, decision.trial)}"
    if not decision.positive:
        what = "all measured properties" if one.name == ALL else f"the {one.name}"
        return f"Giving validation images {what} of the test images of their class costs {said(one.lost)} of {SCORE}."
    if one.name != ALL:
        dose = "" if one.half is None else f" Half of the change costs {one.half.value:.1f}."
        return f"{_difference(one)} costs {said(one.lost)} of {SCORE}.{dose} {_second_measurement(one)}"
    why = "No single property stands out, but giving"
    if dearer is not None:
        why = f"The {dearer.name} alone would cost {dearer.lost.value:.1f}, which the others take back: giving"
    sentence = (
        f"{why} validation images all measured properties of the test images of their class costs {said(one.lost)} of "
        f"{SCORE}."
    )
    if one.regained is None:
        return sentence
    gone = "" if one.reversible else ", which cannot give back what is gone,"
    return f"{sentence} The reverse on test images{gone} regains {said(one.regained)}."


def _contradiction(one: Mapped, trial: Trial) -> str:
    """What the trial that speaks against it gave."""
    if trial == "reverse" and one.regained is not None:
        return f"But the reverse, on test images, costs {said(one.regained * -1.0)} too."
    if trial == "dose" and one.half is not None:
        return f"But half of the change costs {said(one.half)}."
    assert one.control is not None
    return f"But giving them the values of other validation images costs {said(one.control)} as well."


def _second_measurement(one: Mapped) -> str:
    if one.reversible:
        if one.regained is None:
            return "The reverse was not tried on test images."
        return f"The reverse, on test images, regains {said(one.regained)}."
    harm = "stretch the grain too" if one.name == "contrast" else "invent detail that is not in the test images"
    return f"The reverse cannot be done honestly: it would {harm}."


def _difference(one: Mapped) -> str:
    """What differs, as the beginning of a sentence that goes on with what it costs."""
    if one.name == ALL:
        return "Giving validation images all measured properties of the test images of their class"
    property_ = property_of(one.name)
    if one.shift is None:
        what = property_.words if is_known(one.name) else one.name
        return f"Giving validation images the {one.name} of test images ({what}), mostly those of {one.class_},"
    near, far = sorted((abs(one.shift.low), abs(one.shift.high)))
    near = near if one.shift.low * one.shift.high > 0 else 0.0
    comparative = property_.more if one.direction > 0 else property_.less
    return (
        f"Test images of {one.class_} are {comparative} than validation images of that class (by "
        f"{abs(one.shift.smd):.1f} standard deviations [{near:.1f}, {far:.1f}]); making the validation images equally "
        "so"
    )


CAUSE = ImageQuality()

__all__ = ["ALL", "CAUSE", "DEGRADED", "INTERVENTION", "ImageQuality", "Mapped", "Qualities", "Returned"]
