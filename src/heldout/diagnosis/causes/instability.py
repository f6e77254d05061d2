"""Instability: another seed, or another epoch, would have given another test accuracy."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause, said, weigh
from heldout.diagnosis.causes._seeds import FEWEST_RUNS, runs
from heldout.records import Finding
from heldout.stats.curves import sampling_error
from heldout.stats.measured import mean_over_seeds
from heldout.stats.weighted import weighted_mean

LAST = 5
"""Epochs at the end of training whose swing is looked at."""

SOLVED = "probe"
"""The strategy whose head is solved to its optimum: it has neither epochs nor luck."""


class Instability(Cause):
    """Training the same network again would give another test accuracy: part of the gap is the luck of this run.

    How it is detected: With three or more seeds, points are this run's gap minus the mean gap of the other seeds, from
    one bootstrap over patients to which the spread of seeds is added (standard deviation over √number, times Student's
    t). The standard deviation of test accuracy over seeds stands beside its sampling error; all seeds see the same
    images, so this spread comes on top of it. With fewer seeds only the last five epochs can be looked at: where
    validation accuracy swings by more than its sampling error, √(p(1 − p)/n), the weights have not settled, and no
    points can be given.

    Why it matters: On shifted test images accuracy can jump by ten points from one epoch to the next while validation
    stays still. Whoever compares single runs then compares luck.

    What to do: Run three or more seeds and report all of them; average the weights of the last epochs, or let the
    learning rate fall to zero.
    """

    code: ClassVar[str] = "instability"
    title: ClassVar[str] = "Instability of training"
    level: ClassVar[int] = 2
    remedy: ClassVar[str] = (
        "Report several seeds; average the weights of the last epochs or let the learning rate fall."
    )

    def judge(self, case: Case) -> Finding:
        """Over seeds where there are three; else over the last epochs."""
        if case.evidence.strategy == SOLVED:
            return self.not_applicable("a probe is solved to its optimum and does not depend on the seed")
        sides = runs(case)
        if len(sides) >= FEWEST_RUNS:
            return self._over_seeds(case, len(sides))
        return self._over_epochs(case, FEWEST_RUNS - len(sides))

    def _over_seeds(self, case: Case, number: int) -> Finding:
        draws, n = case.budget.draws, case.budget.gap.n
        gaps, tests = [], []
        for val, test in runs(case):
            accuracy = 100 * weighted_mean(test.right, draws.test)
            gaps.append(draws.measured(100 * weighted_mean(val.right, draws.val) - accuracy, n))
            tests.append(draws.measured(accuracy, len(test)))
        points = gaps[0] - mean_over_seeds(gaps[1:], gaps, case.evidence.bootstrap_seed)
        spread = float(np.std([test.value for test in tests], ddof=1))
        sampling = float(np.std(tests[0].replicates))
        verdict, reason = weigh(points, agrees=True)  # training again is itself the intervention
        lowest, highest = min(test.value for test in tests), max(test.value for test in tests)
        sentence = (
            f"Over {number} seeds test accuracy runs from {lowest:.1f} % to {highest:.1f} % (standard deviation "
            f"{spread:.1f} points, beside a sampling error of {sampling:.1f}). This run's gap is larger than that of "
            f"the other seeds by {said(points)}."
        )
        if verdict == "not identifiable":
            reason = f"needs more than {number} seeds"
            sentence += f" Whether this run was unlucky cannot be told; it {reason}."
        numbers = {"seeds": float(number), "seed_spread_points": spread, "sampling_error_points": sampling}
        return self.finding(verdict, sentence, points, reason=reason, numbers=numbers)

    def _over_epochs(self, case: Case, missing: int) -> Finding:
        needs = f"the same run with {missing} more seed{'s' if missing > 1 else ''}"
        swing = _swing(case)
        if swing is None:
            return self.not_identifiable(needs)
        spread, sampling = swing
        numbers = {"epoch_spread_points": spread, "sampling_error_points": sampling}
        words = (
            f"Over the last {LAST} epochs validation accuracy swings by {spread:.1f} points (standard deviation), "
            f"beside a sampling error of {sampling:.1f}"
        )
        if spread <= sampling:
            sentence = f"{words}: it has settled. Whether another seed would do better on test needs {needs}."
            return self.finding("not identifiable", sentence, reason=f"needs {needs}", numbers=numbers)
        sentence = (
            f"{words}: the weights have not settled, and one test figure of such a run says little. How many points "
        )
        return self.finding("suggested", f"{sentence}this cost cannot be told; it needs {needs}.", numbers=numbers)


def _swing(case: Case) -> tuple[float, float] | None:
    """Spread of validation accuracy over the last epochs and its sampling error, points; None without the epochs."""
    evidence = case.evidence
    epochs, val = evidence.val_epochs, evidence.val
    if epochs is None or val is None or len(epochs) < LAST or epochs.shape[1] != len(val):
        return None
    curve = (epochs == val.labels[None, :]).mean(axis=1)[-LAST:]
    return 100 * float(np.std(curve, ddof=1)), 100 * sampling_error(curve, len(val))


CAUSE = Instability()
