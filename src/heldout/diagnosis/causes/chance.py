"""Chance: so few images that the two accuracies may differ by luck."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Told
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision
from heldout.diagnosis.words import PATIENTS
from heldout.records import Estimate, Finding, ReasonKind
from heldout.stats.measured import Measured


@dataclass(frozen=True)
class Luck:
    """The gap.

    Attributes:
        gap: As replicates.
        estimate: With the interval that has a width even where the bootstrap has none, at the class shares as they are.
        redrawn: With the interval if patients drawn anew would have other classes too.
    """

    gap: Measured
    estimate: Estimate
    redrawn: Estimate


class Chance(Cause[Luck]):
    """Validation and test are samples of patients; two samples of the same thing differ by luck.

    How it is detected: The gap G = A_V − A_T has a 95 % interval from a bootstrap over the patients of both parts
    (1000 replicates by default). If it covers 0, luck alone can have made the gap, and nothing else is explained.
    Where all images of a part are right its bootstrap has no width; then Wilson's (1927) intervals of both accuracies
    are joined by the square-and-add method (Newcombe 1998). The bootstrap draws patients within their class. Where
    classes are recalled very differently, shares that differ by the luck of a draw are worth points too; so the gap
    must exclude 0 as well with their standard error (Cochran 1977, ratio estimator with patients as clusters) joined.

    Why it matters: With 400 test images of one patient each, an accuracy of 80 % is known to ± 4 points. A story told
    about a difference that luck explains is wrong in advance, and so is every remedy for it.

    What to do: Collect more test patients (not more images of the same ones); until then report the interval.
    """

    code: ClassVar[str] = "chance"
    title: ClassVar[str] = "Chance"
    level: ClassVar[int] = 0
    remedy: ClassVar[str] = "Collect more test patients; until then report the interval and explain nothing."

    def measure(self, data: CauseData) -> Luck:
        """The gap with its interval."""
        return Luck(data.gap.gap, data.gap.gap_estimate, data.gap.redrawn)

    def decide(self, measured: Luck, rules: Rules) -> Decision:
        """Excluded where the gap's interval excludes 0."""
        if measured.estimate.low <= 0 <= measured.estimate.high:
            return Decision("suggested", ReasonKind.GAP_COVERS_ZERO)
        if measured.redrawn.low <= 0 <= measured.redrawn.high:
            return Decision("suggested", ReasonKind.SHARES_BY_CHANCE)
        return Decision("excluded", ReasonKind.GAP_EXCLUDES_ZERO)

    def tell(self, measured: Luck, decision: Decision, rules: Rules) -> Told:
        """The gap and what its interval says."""
        gap = measured.estimate
        words = f"The gap is {gap.value:.1f} points [{gap.low:.1f}, {gap.high:.1f}]: its interval"
        numbers = {"n": float(gap.n)}
        if decision.kind is ReasonKind.GAP_EXCLUDES_ZERO:
            sentence = f"{words} excludes 0, so luck of the {PATIENTS} alone does not explain it."
            return Told(sentence, False, "the gap's interval excludes 0", numbers=numbers)
        if decision.kind is ReasonKind.SHARES_BY_CHANCE:
            low, high = measured.redrawn.low, measured.redrawn.high
            numbers |= {"redrawn_low": low, "redrawn_high": high}
            sentence = (
                f"{words} excludes 0 at these class shares only. Other {PATIENTS} would bring other shares, and with "
                f"them it covers 0 [{low:.1f}, {high:.1f}], so luck of the {PATIENTS} alone may have made it."
            )
            return Told(sentence, False, points=measured.gap, numbers=numbers)
        sentence = f"{words} covers 0, so luck of the {PATIENTS} alone may have made it."
        return Told(sentence, False, points=measured.gap, numbers=numbers)

    def judge(self, data: CauseData) -> Finding:
        """With the interval of the sentence, which has a width even where the bootstrap has none."""
        found = super().judge(data)
        return found if found.points is None else replace(found, points=data.gap.gap_estimate)


CAUSE = Chance()
