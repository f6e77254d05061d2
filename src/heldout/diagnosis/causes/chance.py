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
    """The gap, as replicates and with the interval that has a width even where the bootstrap has none."""

    gap: Measured
    estimate: Estimate


class Chance(Cause[Luck]):
    """Validation and test are samples of patients; two samples of the same thing differ by luck.

    How it is detected: The gap G = A_V − A_T has a 95 % interval from a bootstrap over the patients of both parts
    (1000 replicates by default). If it covers 0, luck alone can have made the gap, and nothing else is explained.
    Where all images of a part are right its bootstrap has no width; then Wilson's (1927) intervals of both accuracies
    are joined by the square-and-add method (Newcombe 1998).

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
        return Luck(data.gap.gap, data.gap.gap_estimate)

    def decide(self, measured: Luck, rules: Rules) -> Decision:
        """Excluded where the gap's interval excludes 0."""
        if measured.estimate.low <= 0 <= measured.estimate.high:
            return Decision("suggested", ReasonKind.GAP_COVERS_ZERO)
        return Decision("excluded", ReasonKind.GAP_EXCLUDES_ZERO)

    def tell(self, measured: Luck, decision: Decision, rules: Rules) -> Told:
        """The gap and what its interval says."""
        gap = measured.estimate
        words = f"The gap is {gap.value:.1f} points [{gap.low:.1f}, {gap.high:.1f}]: its interval"
        numbers = {"n": float(gap.n)}
        if decision.kind is ReasonKind.GAP_EXCLUDES_ZERO:
            sentence = f"{words} excludes 0, so luck of the {PATIENTS} alone does not explain it."
            return Told(sentence, False, "the gap's interval excludes 0", numbers=numbers)
        sentence = f"{words} covers 0, so luck of the {PATIENTS} alone may have made it."
        return Told(sentence, False, points=measured.gap, numbers=numbers)

    def judge(self, data: CauseData) -> Finding:
        """With the interval of the sentence, which has a width even where the bootstrap has none."""
        found = super().judge(data)
        return found if found.points is None else replace(found, points=data.gap.gap_estimate)


CAUSE = Chance()
