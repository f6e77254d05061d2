"""Instability: another seed, or another epoch, would have given another test accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.seeds import same_recipe
from heldout.diagnosis.verdict import Decision, undecided, weigh
from heldout.diagnosis.words import SCORE, said
from heldout.records import ReasonKind
from heldout.stats.curves import sampling_error
from heldout.stats.measured import Measured, mean_over_seeds
from heldout.stats.weighted import weighted_mean


@dataclass(frozen=True)
class Seeds:
    """This run beside others of its recipe.

    Attributes:
        points: This run's gap minus the mean gap of the others.
        tests: Test accuracy of every run, points.
        sampling: Sampling error of this run's test accuracy, points.
    """

    points: Measured
    tests: tuple[float, ...]
    sampling: float

    @property
    def spread(self) -> float:
        """Standard deviation of test accuracy over the seeds, points."""
        return float(np.std(self.tests, ddof=1))


@dataclass(frozen=True)
class Swing:
    """How validation accuracy swings at the end of training, where there are too few seeds.

    Attributes:
        spread: Standard deviation over the last epochs, points.
        sampling: Sampling error of validation accuracy, points.
        epochs: Number of these epochs.
        missing: Seeds that are missing.
    """

    spread: float
    sampling: float
    epochs: int
    missing: int


class Instability(Cause[Seeds | Swing]):
    """Training the same network again would give another test accuracy: part of the gap is the luck of this run.

    How it is detected: With {min_seeds} or more seeds, points are this run's gap minus the mean gap of the other
    seeds, from one bootstrap over patients to which the spread of seeds is added (standard deviation over √number,
    times Student's t). The standard deviation of test accuracy over seeds stands beside its sampling error; all seeds
    see the same images, so this spread comes on top of it. With fewer seeds only the last {last_epochs} epochs can be
    looked at: where validation accuracy swings by more than its sampling error, √(p(1 − p)/n), the weights have not
    settled, and no points can be given.

    Why it matters: On shifted test images accuracy can jump by ten points from one epoch to the next while validation
    stays still. Whoever compares single runs then compares luck.

    What to do: Run {min_seeds} or more seeds and report all of them; average the weights of the last epochs, or let
    the learning rate fall to zero.
    """

    code: ClassVar[str] = "instability"
    title: ClassVar[str] = "Instability of training"
    level: ClassVar[int] = 2
    remedy: ClassVar[str] = (
        "Report several seeds; average the weights of the last epochs or let the learning rate fall."
    )

    def measure(self, data: CauseData) -> Seeds | Swing | Missing:
        """Over seeds where there are enough; else over the last epochs."""
        if data.run.learning.uses_seed is False:
            text = "its head is solved to the optimum and does not depend on the seed"
            return Missing(ReasonKind.DOES_NOT_APPLY, text)
        runs = same_recipe(data.run)
        missing = data.rules.min_seeds - len(runs)
        if missing <= 0:
            return _over_seeds(data)
        swing = _over_epochs(data, missing)
        if swing is None and data.run.folds is not None:
            repeats = f"{missing} more repeat{'s' if missing > 1 else ''} of the folds (--repeats)"
            return Missing(ReasonKind.MORE_SEEDS, repeats)
        return swing or Missing(ReasonKind.MORE_SEEDS, _more_seeds(missing))

    def decide(self, measured: Seeds | Swing, rules: Rules) -> Decision:
        """Training again is itself the intervention."""
        if isinstance(measured, Swing):
            settled = measured.spread <= measured.sampling
            return undecided(ReasonKind.MORE_SEEDS) if settled else Decision("suggested")
        decision = weigh(measured.points, True, rules)
        return undecided(ReasonKind.MORE_SEEDS) if decision.verdict == "not identifiable" else decision

    def tell(self, measured: Seeds | Swing, decision: Decision, rules: Rules) -> Told:
        """The spread beside the sampling error."""
        if isinstance(measured, Swing):
            return _tell_swing(measured, decision)
        lowest, highest, number = min(measured.tests), max(measured.tests), len(measured.tests)
        sentence = (
            f"Over {number} seeds test {SCORE} runs from {lowest:.1f} % to {highest:.1f} % (standard deviation "
            f"{measured.spread:.1f} points, beside a sampling error of {measured.sampling:.1f}). This run's gap is "
            f"larger than that of the other seeds by {said(measured.points)}."
        )
        numbers = {
            "seeds": float(number),
            "seed_spread_points": measured.spread,
            "sampling_error_points": measured.sampling,
        }
        reason = f"more than {number} seeds" if decision.kind is ReasonKind.MORE_SEEDS else ""
        return Told(sentence, reason=reason, points=measured.points, numbers=numbers)


def _tell_swing(measured: Swing, decision: Decision) -> Told:
    numbers = {"epoch_spread_points": measured.spread, "sampling_error_points": measured.sampling}
    needs = _more_seeds(measured.missing)
    words = (
        f"Over the last {measured.epochs} epochs validation {SCORE} swings by {measured.spread:.1f} points (standard "
        f"deviation), beside a sampling error of {measured.sampling:.1f}"
    )
    if not decision.positive:
        sentence = f"{words}: it has settled. Whether another seed would do better on test needs {needs}."
        return Told(sentence, False, needs, numbers=numbers)
    sentence = (
        f"{words}: the weights have not settled, and one test figure of such a run says little. How many points this "
        f"cost cannot be told; it needs {needs}."
    )
    return Told(sentence, False, numbers=numbers)


def _more_seeds(missing: int) -> str:
    return f"the same run with {missing} more seed{'s' if missing > 1 else ''}"


def _over_seeds(data: CauseData) -> Seeds:
    draws, n = data.gap.draws, data.gap.gap.n
    gaps, tests = [], []
    for val, test in same_recipe(data.run):
        accuracy = 100 * weighted_mean(test.right, draws.test)
        gaps.append(draws.measured(100 * weighted_mean(val.right, draws.val) - accuracy, n))
        tests.append(draws.measured(accuracy, len(test)))
    points = gaps[0] - mean_over_seeds(gaps[1:], gaps, data.run.bootstrap_seed)
    return Seeds(points, tuple(test.value for test in tests), tests[0].error)


def _over_epochs(data: CauseData, missing: int) -> Swing | None:
    """The last epochs; None without enough of them."""
    epochs, val, last = data.run.val_epochs, data.run.val, data.rules.last_epochs
    if epochs is None or val is None or len(epochs) < last or epochs.shape[1] != len(val):
        return None
    weights = data.gap.draws.val[0].astype(np.float64)
    curve = ((epochs == val.labels[None, :]) @ weights)[-last:] / weights.sum()
    worth = int(weights.sum() ** 2 / (weights**2).sum())  # Kish (1965); all images where they count alike
    return Swing(100 * float(np.std(curve, ddof=1)), 100 * sampling_error(curve, worth), last, missing)


CAUSE = Instability()
