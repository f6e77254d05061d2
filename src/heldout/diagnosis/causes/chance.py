"""Chance: so few images that the two accuracies may differ by luck."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause
from heldout.records import Finding


class Chance(Cause):
    """Validation and test are samples of patients; two samples of the same thing differ by luck.

    How it is detected: The gap G = A_V − A_T has a 95 % interval from a bootstrap over the patients of both parts (1000
    replicates by default). If it covers 0, luck alone can have made the gap, and nothing else is explained. Where all
    images of a part are right its bootstrap has no width; then Wilson's (1927) intervals of both accuracies are joined
    by the square-and-add method (Newcombe 1998).

    Why it matters: With 400 test images of one patient each, an accuracy of 80 % is known to ± 4 points. A story told
    about a difference that luck explains is wrong in advance, and so is every remedy for it.

    What to do: Collect more test patients (not more images of the same ones); until then report the interval.
    """

    code: ClassVar[str] = "chance"
    title: ClassVar[str] = "Chance"
    level: ClassVar[int] = 0
    remedy: ClassVar[str] = "Collect more test patients; until then report the interval and explain nothing."

    def judge(self, case: Case) -> Finding:
        """Excluded where the gap's interval excludes 0."""
        gap = case.budget.gap_estimate
        words = f"{gap.value:.1f} points [{gap.low:.1f}, {gap.high:.1f}]"
        numbers = {"n": float(gap.n)}
        if case.budget.explained:
            sentence = (
                f"The gap is {words}: its interval excludes 0, so luck of the patients alone does not explain it."
            )
            return self.finding("excluded", sentence, reason="because the gap's interval excludes 0", numbers=numbers)
        sentence = f"The gap is {words}: its interval covers 0, so luck of the patients alone may have made it."
        # The interval of the sentence, which has a width even where the bootstrap has none.
        return replace(self.finding("suggested", sentence, case.budget.gap, numbers=numbers), points=gap)


CAUSE = Chance()
