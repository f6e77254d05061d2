"""Blur, noise, contrast, compression: does giving validation images the quality of the test images cost as much?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.causes._absent import without
from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause, said
from heldout.diagnosis.causes._change import LEVEL, Change, change, mechanisms, regains, weigh_changes
from heldout.diagnosis.causes._properties import KNOWN, SHOWN, extreme_and_wrong, property_of, shift
from heldout.records import Finding, Remedy, Verdict
from heldout.stats.measured import Measured, simultaneous
from heldout.stats.property_shift import PropertyShift

INTERVENTION = "quality"

ALL = "all"
"""The variant in which all properties are mapped, one after the other."""

DEGRADED = {"sharpness": (-1,), "noise": (-1, 1), "blockiness": (1,), "contrast": (-1,)}
"""Directions in which test may lie from validation so that the way back would need information that is not in the
image: sharpening, giving back the detail that smoothing took, taking grain or blocks away without harm; grey levels
that are stretched stretch their grain."""

ALIKE = "because test images do not differ from validation images in it"

NOTHING_DIFFERS = "no measured property shifts"
"""What the experiment says where it had nothing to do."""

FEWEST_SD = 0.2
"""A shift smaller than this many standard deviations is not called one: a small effect by Cohen's (1988) convention."""


@dataclass(frozen=True)
class Named:
    """One property, what it costs and where."""

    name: str
    seen: Change
    lost: Measured
    k: int
    shift: PropertyShift | None

    @property
    def direction(self) -> int:
        """+1 where test images of the class have more of it, −1 less, 0 not known."""
        return 0 if self.shift is None else int(np.sign(self.shift.smd))

    @property
    def differs(self) -> bool | None:
        """Whether test differs in it from validation in the class that loses most; None where that is not known."""
        return _differs(self.shift)

    @property
    def reversible(self) -> bool:
        """Whether test images can honestly be given back what validation images have."""
        return self.direction not in DEGRADED.get(self.name, ())


class ImageQuality(Cause):
    """Test images are blurrier, noisier, flatter, darker or more compressed than validation images.

    How it is detected: By an experiment, not by a correlation. Each validation image is given the sharpness (noise,
    contrast, …) that test images of its class have, by blurring, adding grain, scaling grey levels or compressing it,
    and the network looks at it again. The points lost are what that property explains: Σ_k π^T_k (recall of the images
    as they are − recall of the mapped ones), with π^T the class shares of test and quantile mapping within the class.
    The property that costs most is named; its interval is widened by Bonferroni's rule for having been picked among
    several. It is established only if the reverse agrees: test images given the quality of validation images regain
    points, within a factor of three. Blur, grain and compression cannot honestly be taken away, and lost contrast not
    be given back without stretching the grain; there it is asked instead that the property differs between validation
    and test in a class by at least 0.2 standard deviations (patients as units, Holm's p < .05), and that at least half
    of the loss falls in such classes. A property in which test does not differ is excluded, whatever disturbing it
    costs, unless the reverse agrees. At least a few images must change sides (randomisation test over patients).
    Properties: `heldout.images.quality`.

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
    remedy: ClassVar[str] = (
        "Augment the training images over the quality of the test images, or bring both to one quality first."
    )
    experiments: ClassVar[tuple[str, ...]] = (INTERVENTION,)

    def judge(self, case: Case) -> Finding:
        """Compare all properties, name the costliest, ask whether the reverse agrees."""
        scored = case.evidence.scored.get(INTERVENTION)
        if scored is None:
            return self._unscored(case)
        changes = {name: change(case, INTERVENTION, name, "val") for name in scored.variants}
        seen = {name: found for name, found in changes.items() if found is not None}
        if len(seen) == 2 and ALL in seen:
            seen.pop(ALL)  # the other one is all there is
        lost = {name: simultaneous(found.lost, len(seen)) for name, found in seen.items()}
        numbers = {f"lost_{name}": points.value for name, points in lost.items()}
        singles = [_named(case, name, seen[name], lost[name]) for name in seen if name != ALL]
        tried: list[Finding | None] = []
        if singles:
            # A property in which test does not differ may cost much, since any disturbance costs something: named last.
            best = max(singles, key=lambda one: (one.differs is not False, one.lost.value))
            tried.append(self._judge_one(case, best, len(seen), numbers))
        tried.append(self._judge_reverse(case, set(scored.variants) - set(seen)))
        if ALL in seen:
            same = bool(singles) and all(one.differs is False for one in singles)
            tried.append(self._judge_all(case, _named(case, ALL, seen[ALL], lost[ALL]), same, len(seen), numbers))
        found = [finding for finding in tried if finding is not None]
        positive = [finding for finding in found if finding.verdict in ("established", "suggested")]
        if positive:
            return positive[0]
        if not found:
            return without(self, case, INTERVENTION)
        return found[-1 if ALL in seen else 0]  # all properties together have the last word

    def _unscored(self, case: Case) -> Finding:
        """The experiment asks only for properties that differ; without one there is nothing to blame."""
        if NOTHING_DIFFERS not in case.evidence.why_absent(INTERVENTION):
            return without(self, case, INTERVENTION)
        reason = f"because {NOTHING_DIFFERS} between validation and test in any class"
        return self.finding("excluded", f"Image quality is not why test is lower, {reason}.", reason=reason)

    def _judge_reverse(self, case: Case, names: set[str]) -> Finding | None:
        """Test lies where validation images cannot honestly be brought (it is sharper): only the reverse is left."""
        scored = case.evidence.scored[INTERVENTION]
        changes = {name: change(case, INTERVENTION, name, "test") for name in scored.variants if name in names - {ALL}}
        seen = {name: found for name, found in changes.items() if found is not None}
        if not seen:
            return None
        gains = {name: simultaneous(found.lost * -1.0, len(seen)) for name, found in seen.items()}
        best = max(gains, key=lambda name: gains[name].value)
        verdict, reason = weigh_changes(gains[best], [seen[best]], None, len(seen))
        sentence = f"Giving test images the {best} of the validation images of their class regains {said(gains[best])}"
        sentence += "; the reverse would invent detail and was not tried."
        images = seen[best].mended_ids[:SHOWN] if verdict == "suggested" else ()
        numbers = {f"regained_{name}": points.value for name, points in gains.items()}
        numbers |= mechanisms(gains[best].value, -seen[best].mended(), len(seen[best].ids))
        return self.finding(verdict, sentence, gains[best], reason=reason, images=images, numbers=numbers)

    def remedies(self, case: Case) -> tuple[Remedy, ...]:
        """Test images given the quality of validation images, as far as that can be done without inventing detail."""
        gain = case.gain(INTERVENTION, ALL, "test")
        if gain is None:
            return ()
        return (case.remedy("test images given the quality of the validation images of their class", gain, self.code),)

    def _judge_one(self, case: Case, one: Named, comparisons: int, numbers: dict[str, float]) -> Finding:
        agrees, words = _agreement(case, one, numbers)
        verdict, reason = weigh_changes(one.lost, [one.seen], agrees, comparisons)
        numbers = numbers | mechanisms(one.lost.value, one.seen.mended(), len(one.seen.ids))
        if one.shift is not None:
            numbers["shift_sd"] = one.shift.smd
        if verdict == "suggested" and one.differs is False:
            verdict, reason = "excluded", ALIKE
        if verdict not in ("established", "suggested"):
            return self._nothing(verdict, reason, one.lost, numbers, one.name)
        images = extreme_and_wrong(case, one.name, one.k, one.direction)
        sentence = f"{_difference(case, one)} costs {said(one.lost)} of accuracy. {words}"
        if (together := numbers.get(f"lost_{ALL}")) is not None:
            sentence += f" All properties together cost {together:.1f}."
        return self.finding(
            verdict, sentence, one.lost, reason=reason, images=images or one.seen.turned[:SHOWN], numbers=numbers
        )

    def _judge_all(self, case: Case, every: Named, same: bool, comparisons: int, numbers: dict[str, float]) -> Finding:
        seen, lost = every.seen, every.lost
        back = change(case, INTERVENTION, ALL, "test")
        regained = None if back is None else back.lost * -1.0
        agrees = None if regained is None else regains(lost, regained)
        verdict, reason = weigh_changes(lost, [seen], agrees, comparisons)
        if verdict == "suggested" and same:
            verdict, reason = "excluded", ALIKE
        numbers = numbers | mechanisms(lost.value, seen.mended(), len(seen.ids))
        if verdict not in ("established", "suggested"):
            return self._nothing(verdict, reason, lost, numbers, "")
        sentence = (
            "No single property stands out, but giving validation images all measured properties of the test images of "
            f"their class costs {said(lost)} of accuracy."
        )
        if regained is not None:
            numbers["regained_points"] = regained.value
            sentence += f" The reverse on test images regains {said(regained)}."
        return self.finding(verdict, sentence, lost, reason=reason, images=seen.turned[:SHOWN], numbers=numbers)

    def _nothing(self, verdict: Verdict, reason: str, lost: Measured, numbers: dict[str, float], name: str) -> Finding:
        what = "all measured properties" if not name else f"the {name}"
        sentence = f"Giving validation images {what} of the test images of their class costs {said(lost)} of accuracy"
        if verdict == "excluded":
            sentence += f": that does not explain the drop, {reason}."
            return self.finding("excluded", sentence, lost, reason=reason, numbers=numbers)
        sentence += f": too uncertain to tell; it {reason}."
        return replace(self.not_identifiable(reason.removeprefix("needs "), lost), sentence=sentence, numbers=numbers)


def _named(case: Case, name: str, seen: Change, lost: Measured) -> Named:
    k = int(seen.by_class[0].argmax())
    return Named(name, seen, lost, k, shift(case, name, k))


def _agreement(case: Case, one: Named, numbers: dict[str, float]) -> tuple[bool | None, str]:
    """Whether a second, independent look agrees, and what it saw, in a sentence."""
    back = change(case, INTERVENTION, one.name, "test")
    if one.reversible and back is not None:
        regained = back.lost * -1.0
        numbers["regained_points"] = regained.value
        return regains(one.lost, regained), f"The reverse, on test images, regains {said(regained)}."
    harm = "stretch the grain too" if one.name == "contrast" else "invent detail that is not in the test images"
    words = f"The reverse cannot be done honestly: it would {harm}."
    if one.reversible:
        words = "The reverse was not tried on test images."
    if one.shift is None:
        return None, words
    share = _share_where_shifted(case, one)
    numbers["share_of_shifted_classes"] = share
    return bool(one.differs) and share >= 0.5 and not one.reversible, words


def _share_where_shifted(case: Case, one: Named) -> float:
    """Share of the points that falls in classes in which test differs in the direction in which it differs in `k`."""
    points = one.seen.by_class[0]
    found = {int(k): shift(case, one.name, int(k)) for k in np.flatnonzero(points > 0)}
    alike = [k for k, moved in found.items() if _differs(moved) and moved and moved.smd * one.direction > 0]
    return float(points[alike].sum() / one.lost.value) if one.lost.value > 0 else 0.0


def _differs(moved: PropertyShift | None) -> bool | None:
    """Whether a shift is one, patients being the units; None where it is not known."""
    return None if moved is None else abs(moved.smd) >= FEWEST_SD and moved.p_holm < LEVEL


def _difference(case: Case, one: Named) -> str:
    """What differs, as the beginning of a sentence that goes on with what it costs."""
    class_, property_ = case.evidence.classes[one.k], property_of(one.name)
    if one.shift is None:
        what = property_.words if one.name in KNOWN else one.name
        return f"Giving validation images the {one.name} of test images ({what}), mostly those of {class_},"
    near, far = sorted((abs(one.shift.low), abs(one.shift.high)))
    near = near if one.shift.low * one.shift.high > 0 else 0.0
    comparative = property_.more if one.direction > 0 else property_.less
    return (
        f"Test images of {class_} are {comparative} than validation images of that class (by {abs(one.shift.smd):.1f} "
        f"standard deviations [{near:.1f}, {far:.1f}]); making the validation images equally so"
    )


CAUSE = ImageQuality()
