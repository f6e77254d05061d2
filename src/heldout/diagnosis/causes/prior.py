"""Prior shift: the classes stand in other proportions on test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Told
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, weigh
from heldout.diagnosis.words import said
from heldout.stats.measured import Measured


@dataclass(frozen=True)
class Shares:
    """What the class shares are worth: taken off the gap first, and last (points); `detail` names the class."""

    first: Measured
    last: Measured
    detail: str


class Prior(Cause[Shares]):
    """Test holds more of the class that is harder to recognise; accuracy falls although nothing else changed.

    How it is detected: Exactly, from class shares and recalls: Σ_k (π^V_k − π^T_k) · recall^V_k, the accuracy that
    validation would lose if its classes stood as they do on test. Taken off last instead of first (with the recalls of
    test) it may be another number; both are given.

    Why it matters: Accuracy is a mean over images, so the mix of classes is part of it. A model that is equally good
    at both classes does not care.

    What to do: Report recalls and balanced accuracy, or re-weight validation to the shares that are expected in use.
    If the shares in use are known, correct the decision for them; do not estimate them by EM (Saerens 2002) if one
    class also changed in appearance, which made matters worse on the chest X-rays this project grew out of.
    """

    code: ClassVar[str] = "prior"
    takes_labels: ClassVar[bool] = True
    title: ClassVar[str] = "Other class shares on test"
    remedy: ClassVar[str] = "Report recalls and balanced accuracy; correct the decision for shares that are known."
    term: ClassVar[str | None] = "prior"

    def measure(self, data: CauseData) -> Shares:
        """The prior term, in two orders."""
        return Shares(data.gap.terms["prior"], data.gap.prior_last, data.gap.details["prior"])

    def decide(self, measured: Shares, rules: Rules) -> Decision:
        """The term is exact, so that no intervention is needed to establish it."""
        return weigh(measured.first, True, rules)

    def tell(self, measured: Shares, decision: Decision, rules: Rules) -> Told:
        """Which class, and what that is worth in both orders."""
        points, last = measured.first, measured.last
        sentence = (
            f"{measured.detail[0].upper()}{measured.detail[1:]}. At the recalls of validation that is worth "
            f"{said(points)}; at those of test {last.value:.1f} points."
        )
        numbers = {"taken_first": points.value, "taken_last": last.value}
        return Told(sentence, points=points, numbers=numbers, explains={"prior": points.value})


CAUSE = Prior()
