"""From measured points to a verdict: pure functions of numbers and rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from heldout.diagnosis.effects import Effect
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.trials import Trial, Trials
from heldout.records import ReasonKind, Verdict
from heldout.stats.few import too_few_to_exclude
from heldout.stats.measured import Measured
from heldout.ties import settled


@dataclass(frozen=True)
class Decision:
    """A verdict and why.

    Attributes:
        verdict: One of the closed set.
        kind: Why.
        wanted: How many images (or patients) would settle it, where that is the reason; 0 where not known.
        seen: How many there are.
        priority: Points that the finding is ordered by; None for the points themselves.
        about: Which of several things that were measured it speaks of, where a cause has several.
        fault: Whether it is a fault of the run, or of how it was chosen, that is told even where there is no gap.
        trial: Which trial contradicts it, where that is the reason.
    """

    verdict: Verdict
    kind: ReasonKind = ReasonKind.NONE
    wanted: int = 0
    seen: int = 0
    priority: float | None = None
    about: str = ""
    fault: bool = False
    trial: Trial = ""

    @property
    def positive(self) -> bool:
        """Whether the cause is called one: established or suggested."""
        return self.verdict in ("established", "suggested")


def undecided(kind: ReasonKind, wanted: int = 0, seen: int = 0) -> Decision:
    """These data cannot tell."""
    return Decision("not identifiable", kind, wanted, seen)


def weigh(points: Measured, agrees: bool | None, rules: Rules) -> Decision:
    """The verdict on measured points.

    Args:
        points: Accuracy points taken from test, with replicates.
        agrees: Whether an intervention agrees in sign and size; None where there is none.
        rules: `margin`.

    Returns:
        `excluded`: within ± the margin, or below 0, however surely it differs from 0: half a point is no reason for a
        gap;
        `established`: the interval lies above 0 and an intervention agrees; `suggested`: above 0 without that; else
        `not identifiable`, with the number of images that would make the interval narrow enough (its width falls with
        the square root of their number).
    """
    low, high = points.interval()
    if high < 0:
        return Decision("excluded", ReasonKind.RAISES_TEST)
    if low >= -rules.margin and high <= rules.margin:
        return Decision("excluded", ReasonKind.WITHIN_MARGIN)
    if low > 0:
        return Decision("established" if agrees else "suggested")
    # Narrow enough is an interval that excludes 0, or that fits between the margins.
    narrow = max(abs(points.value), rules.margin - abs(points.value))
    factor = max(1.1, ((high - low) / 2 / narrow) ** 2)
    wanted = max(rounded_up(factor * points.n), rules.fewest_images)  # of a handful nobody can say how many would do
    return undecided(ReasonKind.MORE_IMAGES, wanted, points.n)


def heard(decision: Decision, trials: Trials, rules: Rules) -> Decision:
    """A decision once all other trials of the same change are heard.

    Args:
        decision: By the points alone.
        trials: What else was tried.
        rules: `margin`.

    Returns:
        `excluded` where a trial contradicts a cause that would be called one; else the decision as it is.
    """
    if decision.positive and (trial := trials.against(rules)):
        return replace(decision, verdict="excluded", kind=ReasonKind.CONTRADICTED, trial=trial, priority=None)
    return decision


def weigh_effects(
    points: Measured, effects: Sequence[Effect], agrees: bool | None, rules: Rules, comparisons: int = 1
) -> Decision:
    """`weigh`, but not on a handful of images: a randomisation test has to agree that something changed."""
    decision = weigh(points, agrees, rules)
    if decision.verdict == "excluded" and not points.varies:
        # So few patients would show no change even if many images were concerned.
        units = min(len(np.unique(effect.units)) for effect in effects)
        if needed := too_few_to_exclude(units, rules.margin / 100):
            return undecided(ReasonKind.MORE_PATIENTS, needed, units)
    if not decision.positive:
        return decision
    p = min(1.0, len(effects) * min(effect.p for effect in effects))
    if p >= rules.level / max(effect.looks for effect in effects) / max(comparisons, 1):
        return undecided(ReasonKind.MORE_IMAGES, 0, sum(effect.changed for effect in effects))
    return decision


def unless_left_out(decision: Decision, points: Measured, undecided: float, rules: Rules) -> Decision:
    """A decision that excludes nothing where classes that were left out might hold more than the margin.

    Args:
        decision: On the classes that could be judged.
        points: Their points.
        undecided: Points, at most, that the classes left out may add.
        rules: `margin`.
    """
    if decision.verdict == "excluded" and undecided > 0 and settled(points.high + undecided - rules.margin) > 0:
        return Decision("not identifiable", ReasonKind.SMALL_CLASSES)
    return decision


def rounded_up(number: float) -> int:
    """Two significant digits, rounded up."""
    digits = max(0, int(math.log10(max(number, 1))) - 1)
    return int(math.ceil(number / 10**digits) * 10**digits)
