"""A cue that is not the disease: does the network lean on the rim, the corners, the surround or the brightness?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from heldout.diagnosis.causes._absent import without
from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause, said
from heldout.diagnosis.causes._change import Change, change, mechanisms, weigh_changes
from heldout.records import Estimate, Finding, Remedy
from heldout.stats.estimates import auc_estimate
from heldout.stats.joint import draw_training
from heldout.stats.measured import Measured, simultaneous

INTERVENTION = "cues"

WORDS = {
    "border": "the rim of the image",
    "corners": "the corners of the image",
    "surround": "what surrounds the centre",
    "intensity": "the overall brightness",
}

CONTENT = ("surround", "intensity")
"""Regions that may hold the finding itself: the lungs lie around the middle of a chest X-ray, and pneumonia is white.
That a network needs them proves nothing, so that they are told of but never blamed."""

FEWEST_AUC = 0.6
"""A region alone must tell the classes apart at least so well on train to be a cue; our choice."""

SHOWN = 24


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
        probe: AUC on train of that classifier, out of fold; None where not tried.
        comparisons: Number of regions that were tried.
    """

    region: str
    neutral: Change
    neutral_test: Change | None
    swapped: Change | None
    same: Change | None
    alone: Change | None
    alone_test: Change | None
    probe: Estimate | None
    comparisons: int

    @cached_property
    def points(self) -> Measured:
        """By how much the gap shrinks when the cue is gone: lost on validation minus lost on test."""
        lost = self.neutral.lost
        return simultaneous(
            lost if self.neutral_test is None else lost - self.neutral_test.lost,
            self.comparisons,
        )

    @cached_property
    def reliance(self) -> Measured:
        """Points lost on validation when the cue points the wrong way, beyond what the exchange itself costs.

        Where no exchange was tried, when the cue is gone.
        """
        if self.swapped is None:
            return simultaneous(self.neutral.lost, self.comparisons)
        seams = self.swapped.lost if self.same is None else self.swapped.lost - self.same.lost
        return simultaneous(seams, self.comparisons)

    @cached_property
    def fall(self) -> Measured | None:
        """By how much the region alone is right less often on test than on validation, at the class shares of test."""
        if self.alone is None or self.alone_test is None:
            return None
        return simultaneous(self.alone.accuracy_after - self.alone_test.accuracy_after, self.comparisons)

    @property
    def informative(self) -> bool | None:
        """Whether the region alone tells the classes apart on train; None where not known."""
        return None if self.probe is None else self.probe.low > 0.5 and self.probe.value >= FEWEST_AUC

    @property
    def leaned_on(self) -> bool:
        """Whether the network needs the cue."""
        return self.reliance.low > 0

    @property
    def moved(self) -> bool | None:
        """Whether the cue holds less well on test; None where not known."""
        return None if self.fall is None else self.fall.low > 0


class Shortcut(Cause):
    """The network learned a cue that goes with the class in the training images but is not what makes the class.

    How it is detected: Four regions are tried: the rim, the corners, the surround of the centre, and the overall grey
    levels. Three things must come together. (1) The cue exists: a classifier that sees only the region tells the
    classes of training images apart out of fold (AUC at least 0.6, its interval above one half; an AUC does not mistake
    a frequent class for a cue, accuracy is given beside the share of that class). (2) The network leans on it: points
    lost on validation when the region is exchanged for that of an image of another class, beyond those lost when it is
    exchanged within the class, which leaves the same seams. (3) The cue changed: the region alone is right less often
    on test than on validation, both at the class shares of test. The points are a difference of differences: with the
    region made neutral in all images, validation loses and test gains; (A_V − A_V,neutral) − (A_T − A_T,neutral) is
    what the gap shrinks by. A mask that merely disturbs the network disturbs both parts and cancels. Intervals are
    widened by Bonferroni's rule for the regions. After DeGrave, Janizek & Lee (2021) and Geirhos et al. (2020).

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
    experiments: ClassVar[tuple[str, ...]] = (INTERVENTION,)

    def judge(self, case: Case) -> Finding:
        """Try every region and report the one whose absence shrinks the gap most."""
        cues = _cues(case)
        if not cues:
            return self._no_cue(case)
        numbers = {f"gap_{cue.region}": cue.points.value for cue in cues}
        cues = [cue for cue in cues if cue.region not in CONTENT]
        if not cues:
            return self.not_identifiable(
                "someone who knows whether the surround, or the grey level, is part of what makes the class"
            )
        cue = max(cues, key=lambda cue: ((cue.informative is not False) and cue.points.low > 0, cue.points.value))
        known = [cue.informative, cue.leaned_on, cue.moved]
        agrees = None if None in known or cue.neutral_test is None else all(known)
        seen = [cue.neutral] if cue.neutral_test is None else [cue.neutral, cue.neutral_test]
        verdict, reason = weigh_changes(cue.points, seen, agrees, cue.comparisons)
        numbers |= _numbers(case, cue)
        where = WORDS.get(cue.region, cue.region)
        if verdict in ("established", "suggested") and cue.informative is False:
            assert cue.probe is not None
            reason = f"because {where} alone does not tell the classes apart in training (AUC {cue.probe.value:.2f})"
            sentence = f"Making {where} neutral shrinks the gap by {said(cue.points)}, but it is no shortcut, {reason}."
            return self.finding("excluded", sentence, cue.points, reason=reason, numbers=numbers)
        if verdict in ("established", "suggested") and False in known:
            verdict, reason = "not identifiable", f"needs {_missing(cue)}"
        if verdict not in ("established", "suggested"):
            sentence = (
                f"Making {_list([one.region for one in cues])} neutral, one after the other, shrinks the gap by at "
                f"most {said(cue.points)} ({where})"
            )
            sentence += f"; {reason}." if verdict == "excluded" else f": too uncertain to tell, it {reason}."
            return self.finding(verdict, sentence, cue.points, reason=reason, numbers=numbers)
        images = (cue.neutral_test or cue.neutral).mended_ids[:SHOWN]
        return self.finding(verdict, _sentence(cue, where), cue.points, images=images, numbers=numbers)

    def _no_cue(self, case: Case) -> Finding:
        """No region was changed: because none says anything, or because nothing was tried."""
        scored = case.evidence.scored.get(INTERVENTION)
        tried = [] if scored is None else [v.removeprefix("only:") for v in scored.variants if v.startswith("only:")]
        if not tried:
            return without(self, case, INTERVENTION)
        reason = f"because none of {_list(tried)} tells the classes apart in training"
        numbers = {}
        for region in tried:
            probe = _probe(case, region)
            if probe is not None:
                numbers[f"probe_auc_{region}"] = probe.value
        return self.finding("excluded", f"There is no such cue, {reason}.", reason=reason, numbers=numbers)

    def remedies(self, case: Case) -> tuple[Remedy, ...]:
        """Test images with a region made neutral, one remedy a region."""
        found = []
        for region in [region for region in _regions(case) if region not in CONTENT]:
            gain = case.gain(INTERVENTION, f"neutral:{region}", "test")
            if gain is not None:
                found.append(case.remedy(f"{WORDS.get(region, region)} made neutral", gain, self.code))
        return tuple(found)


def _regions(case: Case) -> list[str]:
    scored = case.evidence.scored.get(INTERVENTION)
    if scored is None:
        return []
    return [name.removeprefix("neutral:") for name in scored.variants if name.startswith("neutral:")]


def _cues(case: Case) -> list[Cue]:
    regions = _regions(case)
    cues = []
    for region in regions:
        neutral = change(case, INTERVENTION, f"neutral:{region}", "val")
        if neutral is not None:
            neutral_test = change(case, INTERVENTION, f"neutral:{region}", "test")
            swapped = change(case, INTERVENTION, f"swap:{region}", "val")
            same = change(case, INTERVENTION, f"same:{region}", "val")
            alone = change(case, INTERVENTION, f"only:{region}", "val")
            alone_test = change(case, INTERVENTION, f"only:{region}", "test")
            probe = _probe(case, region)
            cues.append(Cue(region, neutral, neutral_test, swapped, same, alone, alone_test, probe, len(regions)))
    return cues


def _probe(case: Case, region: str) -> Estimate | None:
    """AUC on train of the classifier that sees only the region, out of fold, patients as units."""
    train, scored = case.evidence.train, case.evidence.scored[INTERVENTION]
    variant = f"only:{region}"
    if train is None or not scored.has(variant, "train"):
        return None
    logits = scored.logits(variant, "train", train.ids)
    here = np.asarray(np.isfinite(logits).all(axis=1))
    side = train.take(here)
    if len(np.unique(side.labels)) < 2:
        return None
    drawn = draw_training(side, case.evidence.bootstrap, case.evidence.bootstrap_seed)
    return auc_estimate(side.labels, logits[here], drawn)


def _numbers(case: Case, cue: Cue) -> dict[str, float]:
    of_threshold = cue.neutral.mended() - (cue.neutral_test.mended() if cue.neutral_test else 0.0)
    numbers = mechanisms(cue.points.value, of_threshold, len(cue.neutral.ids))
    numbers |= {"reliance_points": cue.reliance.value, "neutral_val_points": cue.neutral.lost.value}
    if cue.neutral_test is not None:
        numbers["neutral_test_gain"] = -cue.neutral_test.lost.value
    if cue.probe is not None:
        numbers |= {"probe_auc": cue.probe.value, "probe_auc_low": cue.probe.low}
        train = case.evidence.train
        assert train is not None
        logits = case.evidence.scored[INTERVENTION].logits(f"only:{cue.region}", "train", train.ids)
        here = np.isfinite(logits).all(axis=1)
        numbers["probe_accuracy"] = float((logits[here].argmax(axis=1) == train.labels[here]).mean())
        numbers["majority_share"] = float(np.bincount(train.labels[here]).max() / here.sum())
    if cue.fall is not None:
        numbers["fall_points"] = cue.fall.value
    return numbers


def _sentence(cue: Cue, where: str) -> str:
    words = [
        f"Making {where} the same in all images shrinks the gap between validation and test by {said(cue.points)}."
    ]
    if cue.probe is not None:
        words.append(
            f"In training it gives the class away: seen alone, it orders {cue.probe.value:.0%} of pairs of images of "
            "two classes rightly (50 % would be guessing)."
        )
    if cue.leaned_on:
        how = "Exchanging it between classes" if cue.swapped else "Taking it away"
        beyond = " more than exchanging it within them" if cue.swapped and cue.same else ""
        words.append(f"The network leans on it: {how.lower()} costs {said(cue.reliance)} on validation{beyond}.")
    if cue.fall is not None:
        words.append(f"On test it holds less well: seen alone, it is right less often there by {said(cue.fall)}.")
    return " ".join(words)


def _missing(cue: Cue) -> str:
    """What could not be shown of a cue whose absence shrinks the gap."""
    if not cue.leaned_on:
        return "more validation images to show that the network leans on it"
    return "more test images to show that the cue holds less well there"


def _list(regions: list[str]) -> str:
    names = [WORDS.get(region, region) for region in regions]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


CAUSE = Shortcut()
