"""Fine-tuning can bend good features: does the network drop more than a probe on the features it began with?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from heldout.diagnosis.absence import GIVEN
from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told, without
from heldout.diagnosis.effects import Effect, effect_of, remedy_tried
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.seeds import same_recipe
from heldout.diagnosis.trials import Trials
from heldout.diagnosis.verdict import Decision, heard, weigh_effects
from heldout.diagnosis.words import SCORE, said
from heldout.records import ReasonKind, Remedy
from heldout.stats.measured import Measured, mean_over_seeds, simultaneous
from heldout.stats.weighted import recalls
from heldout.ties import first_best

PROBE = "probe"
CURVE = "interpolation"


@dataclass(frozen=True)
class Between:
    """The best point between the probe and the fine-tuned network.

    Attributes:
        alpha: Share of the fine-tuned weights, 0 … 1.
        test_gain: What it wins back on test, points, interval by Bonferroni's rule.
        val_gain: Likewise on validation; None where not scored.
    """

    alpha: float
    test_gain: Measured
    val_gain: Measured | None


@dataclass(frozen=True)
class Drops:
    """How far the fine-tuned network and the probe fall from validation to test.

    Attributes:
        val: Validation, before: fine-tuned, after: probe.
        test: Test likewise.
        between: The best point between the two; None where none was tried.
        why_not: Why not.
        over_seeds: Mean difference of the drops over seeds; None with too few.
        seeds: Number of seeds.
    """

    val: Effect
    test: Effect
    between: Between | None
    why_not: str
    over_seeds: Measured | None
    seeds: int

    @property
    def points(self) -> Measured:
        """The difference of the two drops."""
        return self.val.lost - self.test.lost

    @property
    def undone(self) -> Measured:
        """What test gains by the best way back, or where none was tried by the probe itself."""
        return self.test.lost * -1.0 if self.between is None else self.between.test_gain

    @property
    def finetuned(self) -> float:
        """Drop of the fine-tuned network, points."""
        return self.val.accuracy_before.value - self.test.accuracy_before.value

    @property
    def probe(self) -> float:
        """Drop of the probe, points."""
        return self.val.accuracy_after.value - self.test.accuracy_after.value


class FeatureDistortion(Cause[Drops]):
    """Fine-tuning bent the pretrained features toward the training images, and they serve test images less well.

    How it is detected: A linear probe (LP) is solved on the pretrained features of the same training images. If the
    images alone were to blame, it would drop as far as the fine-tuned network (FT) does; the points are the difference
    of the two drops, (FT_V − FT_T) − (LP_V − LP_T), on the same images, at the class shares of test, from one
    bootstrap over patients. It is established if weights part or all of the way back to the probe, (1 − α)·LP + α·FT
    with α < 1, win back points on test with an interval above 0 (widened by Bonferroni's rule for the number of α),
    and, where three or more seeds were run, if the mean over seeds keeps its sign with the spread of seeds in its
    interval. It is excluded where all such weights (without them the probe) surely lose points on test: then
    fine-tuning gave test more than it took, though it gave validation more still. With one seed it is a statement on
    this trained network, not on fine-tuning. After Kumar et al. (2022) and Wortsman et al. (2022).

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
    interventions: ClassVar[tuple[str, ...]] = (PROBE, CURVE)

    def measure(self, data: CauseData) -> Drops | Missing:
        """The two drops, the curve between the two networks, and the other seeds."""
        if data.run.learning.given:
            return Missing(ReasonKind.MODEL, f"the network and its training ({GIVEN})")
        if not data.run.learning.backbone_trained:
            return Missing(ReasonKind.DOES_NOT_APPLY, "the backbone was not trained")
        val, test = effect_of(data, PROBE, "probe", "val"), effect_of(data, PROBE, "probe", "test")
        if val is None or test is None:
            return without(data, PROBE)
        seeds = same_recipe(data.run)
        over = _over_seeds(data, val, test) if len(seeds) >= data.rules.min_seeds else None
        return Drops(val, test, _between(data), data.run.why_absent(CURVE).text, over, len(seeds))

    def decide(self, measured: Drops, rules: Rules) -> Decision:
        """The curve between the two networks is the intervention; the mean over seeds has to keep the sign."""
        agrees = None if measured.between is None else measured.between.test_gain.low > 0
        if measured.over_seeds is not None and agrees is not None:
            agrees = agrees and measured.over_seeds.low > 0
        decision = weigh_effects(measured.points, [measured.val, measured.test], agrees, rules)
        return heard(decision, Trials(measured.points, measured.undone), rules)

    def tell(self, measured: Drops, decision: Decision, rules: Rules) -> Told:
        """Both drops; where the cause is called one, the curve and the seeds."""
        numbers = {"finetuned_drop": measured.finetuned, "probe_drop": measured.probe}
        if (between := measured.between) is not None:
            numbers |= {"best_alpha": between.alpha, "best_alpha_test_gain": between.test_gain.value}
            if between.val_gain is not None:
                numbers["best_alpha_val_gain"] = between.val_gain.value
        if measured.over_seeds is not None:
            numbers |= {"mean_over_seeds": measured.over_seeds.value, "seeds": float(measured.seeds)}
        sentence = (
            f"From validation to test the fine-tuned network drops by {measured.finetuned:.1f} points and a linear "
            f"probe on the features it began with by {measured.probe:.1f}: fine-tuning adds {said(measured.points)} to "
            "the drop."
        )
        images: tuple[str, ...] = ()
        if decision.trial:
            sentence += f" But on the way back to the probe test loses {said(measured.undone * -1.0)} at least."
        if decision.positive:
            sentence += f" {_curve(measured)} {_seeds(measured)}"
            images = measured.test.mended_ids[: rules.max_images]
        return Told(sentence, points=measured.points, images=images, numbers=numbers)

    def remedies(self, data: CauseData) -> tuple[Remedy, ...]:
        """The probe itself, and every point between it and the fine-tuned network."""
        if not data.run.learning.backbone_trained:
            return ()
        name = "linear probe on the pretrained features instead of fine-tuning"
        found = remedy_tried(data, PROBE, "probe", name, self.code)
        for variant, alpha in _alphas(data).items():
            if alpha > 0:  # 0 is the probe
                name = f"weights between probe and fine-tuned network ({variant})"
                found += remedy_tried(data, CURVE, variant, name, self.code)
        return found


def _alphas(data: CauseData) -> dict[str, float]:
    """Variant -> share of the fine-tuned weights."""
    scored = data.run.scored.get(CURVE)
    return {} if scored is None else scored.values("alpha")


def _between(data: CauseData) -> Between | None:
    """The point between the two networks that wins most back on test."""
    alphas = _alphas(data)
    effects = {variant: effect_of(data, CURVE, variant, "test") for variant in alphas}
    tests = {variant: effect for variant, effect in effects.items() if effect is not None}
    if not tests:
        return None
    gains = {variant: simultaneous(effect.lost * -1.0, len(tests), effect.level) for variant, effect in tests.items()}
    best = first_best(gains, lambda variant: gains[variant].value)
    val = effect_of(data, CURVE, best, "val")
    return Between(alphas[best], gains[best], None if val is None else val.lost * -1.0)


def _curve(measured: Drops) -> str:
    between = measured.between
    if between is None:
        return f"Weights between the two were not tried ({measured.why_not})."
    words = f"Weights {1 - between.alpha:.0%} of the way back to the probe change test {SCORE} by "
    words += said(between.test_gain)
    if between.val_gain is not None:
        words += f" and validation {SCORE} by {said(between.val_gain)}"
    return f"{words}."


def _seeds(measured: Drops) -> str:
    if measured.over_seeds is None:
        return "One seed: this is a statement on this trained network, not on fine-tuning as such."
    return f"Over {measured.seeds} seeds it is {said(measured.over_seeds)} on average."


def _over_seeds(data: CauseData, val: Effect, test: Effect) -> Measured:
    """Mean over seeds of the difference of drops, seeds' spread included."""
    probe = val.accuracy_after - test.accuracy_after
    each = []
    for own_val, own_test in same_recipe(data.run):
        drops = []
        for effect, part in ((val, own_val), (test, own_test)):
            row = {id_: i for i, id_ in enumerate(part.ids)}
            right = part.right[[row[id_] for id_ in effect.ids]]
            by_class = recalls(right, effect.labels, effect.weights, data.run.k)
            drops.append(data.gap.draws.measured(100 * np.nansum(effect.prior * by_class, axis=1), len(effect.ids)))
        each.append(drops[0] - drops[1] - probe)
    return mean_over_seeds(each, each, data.run.bootstrap_seed)


CAUSE = FeatureDistortion()
