"""Prior shift: the classes stand in other proportions on test."""

from __future__ import annotations

from typing import ClassVar

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause, said, weigh
from heldout.records import Finding


class Prior(Cause):
    """Test holds more of the class that is harder to recognise; accuracy falls although nothing else changed.

    How it is detected: Exactly, from class shares and recalls: Σ_k (π^V_k − π^T_k) · recall^V_k, the accuracy that
    validation would lose if its classes stood as they do on test. Taken off last instead of first (with the recalls of
    test) it may be another number; both are given.

    Why it matters: Accuracy is a mean over images, so the mix of classes is part of it. A model that is equally good
    at both classes does not care.

    What to do: Report recalls and balanced accuracy, or re-weight validation to the shares that are expected in use.
    If the shares in use are known, correct the decision for them; do not estimate them by EM (Saerens 2002) if one
    class also changed its looks, which made matters worse on the chest X-rays this project grew out of.
    """

    code: ClassVar[str] = "prior"
    title: ClassVar[str] = "Other class shares on test"
    remedy: ClassVar[str] = "Report recalls and balanced accuracy; correct the decision for shares that are known."

    def judge(self, case: Case) -> Finding:
        """The prior term; it is exact, so that no intervention is needed to establish it."""
        budget = case.budget
        points, last = budget.terms["prior"], budget.prior_last
        verdict, reason = weigh(points, agrees=True)
        detail = budget.details["prior"]
        sentence = (
            f"{detail[0].upper()}{detail[1:]}. At the recalls of validation that is worth {said(points)}; at those of "
            f"test {last.value:.1f} points."
        )
        numbers = {"taken_first": points.value, "taken_last": last.value}
        return self.finding(verdict, sentence, points, reason=reason, numbers=numbers)


CAUSE = Prior()
