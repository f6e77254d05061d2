"""Fine-tuning can bend good features: does the network drop more than a probe on the features it began with?"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from heldout.diagnosis.causes._absent import without
from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause, said
from heldout.diagnosis.causes._change import Change, change, weigh_changes
from heldout.diagnosis.causes._seeds import FEWEST_RUNS, runs
from heldout.records import Finding, Remedy
from heldout.stats.measured import Measured, mean_over_seeds, simultaneous
from heldout.stats.weighted import recalls

INTERVENTION = "probe"
CURVE = "interpolation"

UNTRAINED = ("frozen", "knn", "probe")
"""Strategies that leave the backbone as it was."""

SHOWN = 24


class FeatureDistortion(Cause):
    """Fine-tuning bent the pretrained features toward the training images, and they serve test images less well.

    How it is detected: A linear probe (LP) is solved on the pretrained features of the same training images. If the
    images alone were to blame, it would drop as far as the fine-tuned network (FT) does; the points are the difference
    of the two drops, (FT_V − FT_T) − (LP_V − LP_T), on the same images, at the class shares of test, from one bootstrap
    over patients. It is established if weights part or all of the way back to the probe, (1 − α)·LP + α·FT with α < 1,
    win back points on test with an interval above 0 (widened by Bonferroni's rule for the number of α), and, where
    three or more seeds were run, if the mean over seeds keeps its sign with the spread of seeds in its interval. With
    one seed it is a statement on this trained network, not on fine-tuning. After Kumar et al. (2022) and Wortsman et
    al. (2022).

    Why it matters: The head is random at first, and its gradients pull the backbone about before it knows anything;
    features that no training image needs are lost, though test images may need them. Validation images are like those
    of training and do not tell.

    What to do: Fit the head first and fine-tune then (LP-FT), average the weights before and after fine-tuning, or
    lower the learning rate of the backbone; with few images keep it frozen.
    """

    code: ClassVar[str] = "feature-distortion"
    title: ClassVar[str] = "Features bent by fine-tuning"
    level: ClassVar[int] = 2
    remedy: ClassVar[str] = (
        "Fit the head first and then fine-tune, or average the weights before and after fine-tuning."
    )
    experiments: ClassVar[tuple[str, ...]] = (INTERVENTION, CURVE)

    def judge(self, case: Case) -> Finding:
        """The difference of the two drops; the curve between the two networks is the intervention."""
        if case.evidence.strategy in UNTRAINED:
            return self.not_applicable("the backbone was not trained")
        val, test = change(case, INTERVENTION, "probe", "val"), change(case, INTERVENTION, "probe", "test")
        if val is None or test is None:
            return without(self, case, INTERVENTION)
        points = val.lost - test.lost  # before: fine-tuned, after: probe
        between, agrees, words = _curve(case)
        seeds = _over_seeds(case, val, test)
        if seeds is not None:
            agrees = None if agrees is None else agrees and seeds.low > 0
            over = f"Over {len(runs(case))} seeds it is {said(seeds)} on average."
        else:
            over = "One seed: this is a statement on this trained network, not on fine-tuning as such."
        verdict, reason = weigh_changes(points, [val, test], agrees)
        drops = [
            side.value - other.value
            for side, other in (
                (val.accuracy_before, test.accuracy_before),
                (val.accuracy_after, test.accuracy_after),
            )
        ]
        numbers = {"finetuned_drop": drops[0], "probe_drop": drops[1], **between}
        if seeds is not None:
            numbers |= {"mean_over_seeds": seeds.value, "seeds": float(len(runs(case)))}
        sentence = (
            f"From validation to test the fine-tuned network drops by {drops[0]:.1f} points and a linear probe on the "
            f"features it began with by {drops[1]:.1f}: fine-tuning adds {said(points)} to the drop."
        )
        if verdict not in ("established", "suggested"):
            end = "It is not why test is lower" if verdict == "excluded" else "Too uncertain to tell"
            sentence += f" {end}{f', {reason}' if verdict == 'excluded' else f'; it {reason}'}."
            return self.finding(verdict, sentence, points, reason=reason, numbers=numbers)
        images = test.mended_ids[:SHOWN]
        return self.finding(verdict, f"{sentence} {words} {over}", points, images=images, numbers=numbers)

    def remedies(self, case: Case) -> tuple[Remedy, ...]:
        """The probe itself, and every point between it and the fine-tuned network."""
        if case.evidence.strategy in UNTRAINED:
            return ()
        tried = [(INTERVENTION, "probe", "linear probe on the pretrained features instead of fine-tuning")]
        between = [alpha for alpha in _alphas(case) if float(alpha.removeprefix("alpha=")) > 0]  # 0 is the probe
        tried += [(CURVE, alpha, f"weights between probe and fine-tuned network ({alpha})") for alpha in between]
        found = []
        for experiment, variant, name in tried:
            gain = case.gain(experiment, variant, "test")
            if gain is not None:
                found.append(case.remedy(name, gain, self.code))
        return tuple(found)


def _alphas(case: Case) -> list[str]:
    """Points between the two networks."""
    scored = case.evidence.scored.get(CURVE)
    return [] if scored is None else [name for name in scored.variants if name.startswith("alpha=")]


def _curve(case: Case) -> tuple[dict[str, float], bool | None, str]:
    """Numbers of the best point between the networks, whether it wins points back on test, and a sentence."""
    changes = {alpha: change(case, CURVE, alpha, "test") for alpha in _alphas(case)}
    tests = {alpha: found for alpha, found in changes.items() if found is not None}
    if not tests:
        return {}, None, f"Weights between the two were not tried ({case.evidence.why_absent(CURVE)})."
    gains = {alpha: simultaneous(found.lost * -1.0, len(tests)) for alpha, found in tests.items()}
    best = max(gains, key=lambda alpha: gains[alpha].value)
    alpha = float(best.removeprefix("alpha="))
    numbers = {"best_alpha": alpha, "best_alpha_test_gain": gains[best].value}
    words = f"Weights {1 - alpha:.0%} of the way back to the probe change test accuracy by {said(gains[best])}"
    val = change(case, CURVE, best, "val")
    if val is not None:
        numbers["best_alpha_val_gain"] = -val.lost.value
        words += f" and validation accuracy by {said(val.lost * -1.0)}"
    return numbers, gains[best].low > 0, f"{words}."


def _over_seeds(case: Case, val: Change, test: Change) -> Measured | None:
    """Mean over seeds of the difference of drops, seeds' spread included; None with fewer than `FEWEST_RUNS`."""
    sides = runs(case)
    if len(sides) < FEWEST_RUNS:
        return None
    probe = val.accuracy_after - test.accuracy_after
    each = []
    for own_val, own_test in sides:
        drops = []
        for seen, side in ((val, own_val), (test, own_test)):
            row = {id_: i for i, id_ in enumerate(side.ids)}
            right = side.right[[row[id_] for id_ in seen.ids]]
            by_class = recalls(right, seen.labels, seen.weights, case.evidence.k)
            drops.append(case.budget.draws.measured(100 * np.nansum(seen.prior * by_class, axis=1), len(seen.ids)))
        each.append(drops[0] - drops[1] - probe)
    return mean_over_seeds(each, each, case.evidence.bootstrap_seed)


CAUSE = FeatureDistortion()
