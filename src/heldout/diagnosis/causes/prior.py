"""Prior shift: the classes stand in other proportions on test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.gap.prior import doubted_recalls, prior_by_class
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, weigh
from heldout.diagnosis.words import said
from heldout.records import ReasonKind, TermStatus
from heldout.stats.measured import Measured
from heldout.ties import settled


@dataclass(frozen=True)
class Shares:
    """What the class shares are worth.

    Attributes:
        first: Taken off the gap first, points.
        last: Taken off last.
        detail: Which classes carry it, in words.
        known: `first` without what classes carry of which validation has a few images only; None where it has enough of
            all.
    """

    first: Measured
    last: Measured
    detail: str
    known: Measured | None = None


class Prior(Cause[Shares]):
    """Test holds more of the class that is harder to recognise; accuracy falls although nothing else changed.

    How it is detected: Exactly, from class shares and recalls: Σ_k (π^V_k − π^T_k) · recall^V_k, the accuracy that
    validation would lose if its classes stood as they do on test. Each class carries (π^V − π^T)(recall^V − A_V) of it,
    and those that carry most are named. A recall that rests on fewer than {min_recall_class} validation images
    establishes nothing; where all of few images are right, or all wrong, the interval holds what that leaves in doubt
    (Jeffreys' prior). Taken off last instead of first (with the recalls of test) it may be another number; both are
    given. By balanced accuracy, or by costs at given shares, a class counts the same however frequent it is: then it
    is exactly 0, and does not apply.

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

    def measure(self, data: CauseData) -> Shares | Missing:
        """The prior term, in two orders; not applicable by a metric that does not depend on shares."""
        run, samples, first = data.run, data.gap.samples, data.gap.terms["prior"]
        if data.gap.status["prior"] is TermStatus.NOTHING:
            return Missing(ReasonKind.DOES_NOT_APPLY, data.gap.details["prior"])
        counts, known = samples.val.counts(), None
        few = (counts > 0) & (counts < data.rules.min_recall_class)
        if few.any():
            carried = prior_by_class(samples, doubted_recalls(run, samples))[:, few].sum(axis=1)
            known = first - data.gap.draws.measured(carried, int(counts[few].sum()))
        return Shares(first, data.gap.prior_last, data.gap.details["prior"], known)

    def decide(self, measured: Shares, rules: Rules) -> Decision:
        """The term is exact, so that no intervention is needed; but a handful of images establishes no recall."""
        first, known = measured.first, measured.known
        agrees = known is None or (known.low > 0 and settled(rules.agreement * known.value - first.value) >= 0)
        return weigh(first, agrees, rules)

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
