"""A cue that is not the disease: does the network lean on the rim, the corners, the surround or the brightness?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told, without
from heldout.diagnosis.content import MAY_BE_CONTENT
from heldout.diagnosis.effects import Effect, effect_of, explained_terms, remedy_tried
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, undecided, weigh_effects
from heldout.diagnosis.words import said
from heldout.records import Estimate, ReasonKind, Remedy
from heldout.stats.estimates import auc_estimate
from heldout.stats.joint import draw_training
from heldout.stats.measured import Measured, simultaneous
from heldout.ties import first_best, first_of_largest, settled

INTERVENTION = "cues"

WORDS = {
    "border": "the rim of the image",
    "corners": "the corners of the image",
    "surround": "what surrounds the centre",
    "intensity": "the overall brightness",
}


@dataclass(frozen=True)
class Probe:
    """A classifier that sees only a region, out of fold on train, patients as units.

    Attributes:
        auc: With its interval.
        accuracy: A fraction.
        majority: Share of the most frequent class.
    """

    auc: Estimate
    accuracy: float
    majority: float


@dataclass(frozen=True)
class Cue:
    """What was tried on one region.

    Attributes:
        region: Its name.
        neutral: The cue made the same in all validation images.
        neutral_test: Likewise in all test images; None where not tried.
        swapped: The cue exchanged between classes on validation; None where not tried.
        same: The cue exchanged within classes, which has the same seams; None where not tried.
        alone: Validation images seen by a classifier that sees only the region; None where not tried.
        alone_test: Likewise test images.
        probe: That classifier on train; None where not tried.
        comparisons: Number of regions that were tried.
        level: Level of the intervals before Bonferroni's rule.
    """

    region: str
    neutral: Effect
    neutral_test: Effect | None
    swapped: Effect | None
    same: Effect | None
    alone: Effect | None
    alone_test: Effect | None
    probe: Probe | None
    comparisons: int
    level: float

    @cached_property
    def points(self) -> Measured:
        """By how much the gap shrinks when the cue is gone: lost on validation minus lost on test."""
        lost = self.neutral.lost
        return self._simultaneous(lost if self.neutral_test is None else lost - self.neutral_test.lost)

    @cached_property
    def reliance(self) -> Measured:
        """Points lost on validation when the cue points the wrong way, beyond what the exchange itself costs.

        Where no exchange was tried, when the cue is gone.
        """
        if self.swapped is None:
            return self._simultaneous(self.neutral.lost)
        return self._simultaneous(self.swapped.lost if self.same is None else self.swapped.lost - self.same.lost)

    @cached_property
    def fall(self) -> Measured | None:
        """By how much the region alone is right less often on test than on validation, at the class shares of test."""
        if self.alone is None or self.alone_test is None:
            return None
        return self._simultaneous(self.alone.accuracy_after - self.alone_test.accuracy_after)

    def _simultaneous(self, points: Measured) -> Measured:
        return simultaneous(points, self.comparisons, self.level)

    def informative(self, rules: Rules) -> bool | None:
        """Whether the region alone tells the classes apart on train; None where not known."""
        return (
            None
            if self.probe is None
            else (self.probe.auc.low > 0.5 and settled(self.probe.auc.value) >= rules.min_probe_auc)
        )

    @property
    def leaned_on(self) -> bool:
        """Whether the network needs the cue."""
        return self.reliance.low > 0

    @property
    def moved(self) -> bool | None:
        """Whether the cue holds less well on test; None where not known."""
        return None if self.fall is None else self.fall.low > 0

    @property
    def effects(self) -> list[Effect]:
        """What making it neutral did, on validation and where tried on test."""
        return [self.neutral] if self.neutral_test is None else [self.neutral, self.neutral_test]


@dataclass(frozen=True)
class Cues:
    """Regions that were made neutral.

    Attributes:
        all_of_them: One a region.
        probes: AUC of the regions that were asked on train but not made neutral.
        tried: Regions that were asked on train.
    """

    all_of_them: tuple[Cue, ...]
    probes: Mapping[str, float]
    tried: tuple[str, ...]

    @property
    def blamable(self) -> list[Cue]:
        """Regions that cannot hold the finding itself."""
        return [cue for cue in self.all_of_them if cue.region not in MAY_BE_CONTENT]

    def best(self, rules: Rules) -> Cue:
        """The region whose absence shrinks the gap most, informative ones first."""
        shrinking = [cue for cue in self.blamable if cue.informative(rules) is not False and cue.points.low > 0]
        return first_best(shrinking or self.blamable, lambda cue: cue.points.value)


class Shortcut(Cause[Cues]):
    """The network learned a cue that goes with the class in the training images but is not what makes the class.

    How it is detected: Four regions are tried: the rim, the corners, the surround of the centre, and the overall grey
    levels. Three things must come together. (1) The cue exists: a classifier that sees only the region tells the
    classes of training images apart out of fold (AUC at least {min_probe_auc}, its interval above one half; an AUC
    does not mistake a frequent class for a cue, accuracy is given beside the share of that class). (2) The network
    leans on it: points lost on validation when the region is exchanged for that of an image of another class, beyond
    those lost when it is exchanged within the class, which leaves the same seams. (3) The cue changed: the region
    alone is right less often on test than on validation, both at the class shares of test. The points are a difference
    of differences: with the region made neutral in all images, validation loses and test gains; (A_V − A_V,neutral) −
    (A_T − A_T,neutral) is what the gap shrinks by. A mask that merely disturbs the network disturbs both parts and
    cancels. Intervals are widened by Bonferroni's rule for the regions. After DeGrave, Janizek & Lee (2021) and
    Geirhos et al. (2020).

    Why it matters: Markers, rulers, letters, collimator edges and scanner brightness often go with the class in one
    hospital and not in the next. Validation images share the cue, so validation accuracy cannot warn of it. Saliency
    maps alone prove nothing: they look as plausible for a network with random weights (Adebayo et al. 2018).

    What to do: Crop or mask the region before training, or randomise it (exchange it between images of different
    classes as augmentation), and train again.
    """

    code: ClassVar[str] = "shortcut"
    title: ClassVar[str] = "Shortcut"
    level: ClassVar[int] = 0
    remedy: ClassVar[str] = "Crop, mask or randomise the region before training, and train again."
    interventions: ClassVar[tuple[str, ...]] = (INTERVENTION,)

    def measure(self, data: CauseData) -> Cues | Missing:
        """Every region that was tried."""
        scored = data.run.scored.get(INTERVENTION)
        variants = () if scored is None else scored.variants
        cues = _cues(data, [name.removeprefix("neutral:") for name in variants if name.startswith("neutral:")])
        tried = tuple(name.removeprefix("only:") for name in variants if name.startswith("only:"))
        if not cues and not tried:
            return without(data, INTERVENTION)
        if cues and all(cue.region in MAY_BE_CONTENT for cue in cues):
            text = "someone who knows whether the surround, or the grey level, is part of what makes the class"
            return Missing(ReasonKind.JUDGEMENT, text)
        probes = {} if cues else {region: _probe(data, region) for region in tried}
        return Cues(cues, {region: probe.auc.value for region, probe in probes.items() if probe}, tried)

    def decide(self, measured: Cues, rules: Rules) -> Decision:
        """Established where the cue exists, is leaned on and holds less well on test."""
        if not measured.all_of_them:
            return Decision("excluded", ReasonKind.NO_DIFFERENCE)
        cue = measured.best(rules)
        known = [cue.informative(rules), cue.leaned_on, cue.moved]
        agrees = None if None in known or cue.neutral_test is None else all(known)
        decision = weigh_effects(cue.points, cue.effects, agrees, rules, cue.comparisons)
        if decision.positive and cue.informative(rules) is False:
            return Decision("excluded", ReasonKind.UNTRUSTED)
        if decision.positive and not cue.leaned_on:
            return undecided(ReasonKind.MORE_IMAGES)
        if decision.positive and cue.moved is False:
            return undecided(ReasonKind.MORE_IMAGES)
        return decision

    def tell(self, measured: Cues, decision: Decision, rules: Rules) -> Told:
        """The region, and the three things that have to come together."""
        if not measured.all_of_them:
            reason = f"none of {_list(measured.tried)} tells the classes apart in training"
            numbers = {f"probe_auc_{region}": auc for region, auc in measured.probes.items()}
            return Told(f"There is no such cue, because {reason}.", False, reason, numbers=numbers)
        cue = measured.best(rules)
        where = WORDS.get(cue.region, cue.region)
        numbers = {f"gap_{one.region}": one.points.value for one in measured.all_of_them} | _numbers(cue)
        told = Told("", True, _reason(cue, where, decision), cue.points, numbers=numbers)
        if decision.kind is ReasonKind.UNTRUSTED:
            return replace(told, sentence=f"Making {where} neutral shrinks the gap by {said(cue.points)}.")
        if not decision.positive:
            regions = _list([one.region for one in measured.blamable])
            sentence = f"Making {regions} neutral, one after the other, shrinks the gap by at most {said(cue.points)}"
            return replace(told, sentence=f"{sentence} ({where}).")
        of_threshold = cue.neutral.mended() - (cue.neutral_test.mended() if cue.neutral_test else 0.0)
        images = (cue.neutral_test or cue.neutral).mended_ids[: rules.max_images]
        explains = explained_terms(cue.points.value, of_threshold)
        return replace(told, sentence=_sentence(cue, where), images=images, explains=explains)

    def remedies(self, data: CauseData) -> tuple[Remedy, ...]:
        """Test images with a region made neutral, one remedy a region."""
        scored = data.run.scored.get(INTERVENTION)
        found: tuple[Remedy, ...] = ()
        for variant in () if scored is None else scored.variants:
            region = variant.removeprefix("neutral:")
            if region != variant and region not in MAY_BE_CONTENT:
                name = f"{WORDS.get(region, region)} made neutral"
                found += remedy_tried(data, INTERVENTION, variant, name, self.code)
        return found


def _cues(data: CauseData, regions: Sequence[str]) -> tuple[Cue, ...]:
    cues = []
    for region in regions:
        neutral = effect_of(data, INTERVENTION, f"neutral:{region}", "val")
        if neutral is not None:
            cue = Cue(
                region,
                neutral,
                effect_of(data, INTERVENTION, f"neutral:{region}", "test"),
                effect_of(data, INTERVENTION, f"swap:{region}", "val"),
                effect_of(data, INTERVENTION, f"same:{region}", "val"),
                effect_of(data, INTERVENTION, f"only:{region}", "val"),
                effect_of(data, INTERVENTION, f"only:{region}", "test"),
                _probe(data, region),
                len(regions),
                data.rules.level,
            )
            cues.append(cue)
    return tuple(cues)


def _probe(data: CauseData, region: str) -> Probe | None:
    """The classifier that sees only the region, on train; None where it was not asked there."""
    train, scored = data.run.train, data.run.scored[INTERVENTION]
    variant = f"only:{region}"
    if train is None or not scored.has(variant, "train"):
        return None
    logits = scored.logits(variant, "train", train.ids)
    here = np.asarray(np.isfinite(logits).all(axis=1))
    images, logits = train.take(here), logits[here]
    if len(np.unique(images.labels)) < 2:
        return None
    resamples = draw_training(images, data.run.bootstrap, data.run.bootstrap_seed)
    auc = auc_estimate(images.labels, logits, resamples)
    if auc is None:
        return None
    accuracy = float((first_of_largest(logits) == images.labels).mean())
    return Probe(auc, accuracy, float(np.bincount(images.labels).max() / len(images)))


def _numbers(cue: Cue) -> dict[str, float]:
    numbers = {"images_scored": float(len(cue.neutral.ids))}
    numbers |= {"reliance_points": cue.reliance.value, "neutral_val_points": cue.neutral.lost.value}
    if cue.neutral_test is not None:
        numbers["neutral_test_gain"] = -cue.neutral_test.lost.value
    if cue.probe is not None:
        numbers |= {"probe_auc": cue.probe.auc.value, "probe_auc_low": cue.probe.auc.low}
        numbers |= {"probe_accuracy": cue.probe.accuracy, "majority_share": cue.probe.majority}
    if cue.fall is not None:
        numbers["fall_points"] = cue.fall.value
    return numbers


def _reason(cue: Cue, where: str, decision: Decision) -> str:
    """What contradicts the cue, or what could not be shown of it; empty for reasons that all causes word alike."""
    if decision.kind is ReasonKind.UNTRUSTED:
        assert cue.probe is not None
        return f"{where} alone does not tell the classes apart in training (AUC {cue.probe.auc.value:.2f})"
    if decision.kind is not ReasonKind.MORE_IMAGES or decision.seen:
        return ""
    if not cue.leaned_on:
        return "more validation images to show that the network leans on it"
    return "more test images to show that the cue holds less well there"


def _sentence(cue: Cue, where: str) -> str:
    words = [
        f"Making {where} the same in all images shrinks the gap between validation and test by {said(cue.points)}."
    ]
    if cue.probe is not None:
        words.append(
            f"In training it gives the class away: seen alone, it orders {cue.probe.auc.value:.0%} of pairs of images "
            "of two classes rightly (50 % would be guessing)."
        )
    if cue.leaned_on:
        how = "Exchanging it between classes" if cue.swapped else "Taking it away"
        beyond = " more than exchanging it within them" if cue.swapped and cue.same else ""
        words.append(f"The network leans on it: {how.lower()} costs {said(cue.reliance)} on validation{beyond}.")
    if cue.fall is not None:
        words.append(f"On test it holds less well: seen alone, it is right less often there by {said(cue.fall)}.")
    return " ".join(words)


def _list(regions: Sequence[str]) -> str:
    names = [WORDS.get(region, region) for region in regions]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


CAUSE = Shortcut()
