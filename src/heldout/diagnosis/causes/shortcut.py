"""A cue that is not the disease: does the network lean on the rim, the corners, the surround or the brightness?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes._cues import Cue, Cues, Probe
from heldout.diagnosis.causes.cause import Cause, Missing, Told, left_out_told, without
from heldout.diagnosis.content import MAY_BE_CONTENT
from heldout.diagnosis.effects import effect_of, explained_terms, remedy_tried
from heldout.diagnosis.gap.small_classes import left_out_words, too_small, val_right
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, heard, undecided, unless_left_out, weigh_effects
from heldout.diagnosis.words import said
from heldout.records import ReasonKind, Remedy
from heldout.stats.estimates import auc_estimate
from heldout.stats.joint import draw_training
from heldout.ties import first_of_largest

INTERVENTION = "cues"

WORDS = {
    "border": "the rim of the image",
    "corners": "the corners of the image",
    "surround": "what surrounds the centre",
    "intensity": "the overall brightness",
}


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
    Geirhos et al. (2020). Besides, test images are given the region of validation images of their class: if test
    loses by that, beyond what an exchange within test costs, the cue is not why it is lower, and is excluded. Where
    that was not tried, so it is if test loses without the cue and the three did not come together.

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
        small = too_small(data.gap.samples, data.rules.min_mapped_class)
        at_most = val_right(data.gap.samples, small)
        left_out = left_out_words(data.gap.samples, data.run.classes, small, at_most)
        seen = {region: probe.auc.value for region, probe in probes.items() if probe}
        return Cues(cues, seen, tried, left_out, at_most)

    def decide(self, measured: Cues, rules: Rules) -> Decision:
        """Of the region that tells most: a cause first, then what is open, and excluded only if all regions are."""
        if not measured.all_of_them:
            return Decision("excluded", ReasonKind.NO_DIFFERENCE)
        decisions = [_decide(cue, measured.undecided, rules) for cue in measured.ranked(rules)]
        told = [decision for decision in decisions if decision.positive]
        left = [decision for decision in decisions if decision.verdict == "not identifiable"]
        return (told or left or decisions)[0]

    def tell(self, measured: Cues, decision: Decision, rules: Rules) -> Told:
        """The region, and the three things that have to come together."""
        if not measured.all_of_them:
            reason = f"none of {_list(measured.tried)} tells the classes apart in training"
            numbers = {f"probe_auc_{region}": auc for region, auc in measured.probes.items()}
            return Told(f"There is no such cue, because {reason}.", False, reason, numbers=numbers)
        best = measured.ranked(rules)[0]
        cue = measured.named(decision.about) or best
        where = WORDS.get(cue.region, cue.region)
        numbers = {f"gap_{one.region}": one.points.value for one in measured.all_of_them} | _numbers(cue)
        _, few = left_out_told(decision, measured.left_out)
        told = Told("", True, few or _reason(cue, where, decision), cue.points, numbers=numbers)
        if decision.trial:
            return replace(told, sentence=_contradiction(cue, where))
        if decision.kind is ReasonKind.UNTRUSTED or (not decision.positive and cue is not best):
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


def _decide(cue: Cue, left_out: float, rules: Rules) -> Decision:
    """The verdict on one region: established where the cue exists, is leaned on and holds less well on test.

    Args:
        cue: What was tried on it.
        left_out: Points, at most, that could be lost in classes with too few images.
        rules: Thresholds.
    """
    known = [cue.informative(rules), cue.leaned_on, cue.moved]
    agrees = None if None in known or cue.neutral_test is None else all(known)
    decision = weigh_effects(cue.points, cue.effects, agrees, rules, cue.comparisons)
    if decision.positive and cue.informative(rules) is False:
        return Decision("excluded", ReasonKind.UNTRUSTED, about=cue.region)
    decision = heard(decision, cue.trials(decision.verdict == "established"), rules)
    decision = unless_left_out(decision, cue.points, left_out, rules)
    if decision.positive and (not cue.leaned_on or cue.moved is False):
        decision = undecided(ReasonKind.MORE_IMAGES)
    return replace(decision, about=cue.region)


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
                neutral.level,
                effect_of(data, INTERVENTION, f"across:{region}", "val"),
                effect_of(data, INTERVENTION, f"across:{region}", "test"),
                effect_of(data, INTERVENTION, f"same:{region}", "test"),
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
    enough = np.flatnonzero(np.bincount(images.labels, minlength=data.run.k) >= data.rules.min_probed_class)
    if len(enough) >= 2:  # of a class with a few images, or none, nobody can say that it is told apart
        some = np.isin(images.labels, enough)
        images, logits = images.take(some), logits[np.ix_(some, enough)]
        images = replace(images, labels=np.searchsorted(enough, images.labels), logits=logits)
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
    found = {"fall_points": cue.fall, "given_points": cue.given, "regained_points": cue.regained}
    return numbers | {name: points.value for name, points in found.items() if points is not None}


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


def _contradiction(cue: Cue, where: str) -> str:
    """What the trial on test gave that speaks against the cue."""
    sentence = f"Making {where} neutral shrinks the gap by {said(cue.points)}. But test images "
    if cue.regained is not None:
        return f"{sentence}with {where} of validation images of their class lose {said(cue.regained * -1.0)}."
    assert cue.neutral_test is not None
    return f"{sentence}lose {said(cue.neutral_test.lost)} without it."


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
    if cue.regained is not None:
        words.append(f"Given back as validation images of the class have it, it regains {said(cue.regained)} on test.")
    return " ".join(words)


def _list(regions: Sequence[str]) -> str:
    names = [WORDS.get(region, region) for region in regions]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


CAUSE = Shortcut()

__all__ = ["CAUSE", "INTERVENTION", "WORDS", "Cue", "Cues", "Probe", "Shortcut"]
