"""Prior shift: the classes stand in other proportions on test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.gap.prior import doubted_recalls, error_of_term, followed_shares, prior_by_class
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, weigh
from heldout.diagnosis.words import IMAGES, PATIENTS, said
from heldout.records import ReasonKind, TermStatus
from heldout.stats.class_draws import redrawn
from heldout.stats.intervals import Z95
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
        followed: How much of the change in shares the run's answers follow, 1 being all of it; None where reviewers
            have read the labels.
        unread: Test images that two readers should read.
        error: Standard error of `first` over draws of patients whatever their classes, points.
    """

    first: Measured
    last: Measured
    detail: str
    known: Measured | None = None
    followed: Measured | None = None
    unread: int = 0
    error: float = 0.0

    @property
    def beyond_chance(self) -> bool:
        """Whether patients drawn anew would not bring such shares by luck."""
        return redrawn(self.first.estimate(), self.error).low > 0

    def no_surer(self, decision: Decision, rules: Rules) -> Decision:
        """A positive decision on the term, or on a part of it; a suggestion where labels or chance may make it up."""
        if not self.borne_out(rules):
            return Decision("suggested", ReasonKind.REVIEW, about=decision.about)
        if not self.beyond_chance:
            return Decision("suggested", ReasonKind.SHARES_BY_CHANCE, about=decision.about)
        return decision

    def borne_out(self, rules: Rules) -> bool:
        """Whether the answers follow the shares, so that wrong labels do not make them up."""
        return self.followed is None or settled(self.followed.low - rules.least_followed) > 0


class Prior(Cause[Shares]):
    """Test holds more of the class that is harder to recognise; accuracy falls although nothing else changed.

    How it is detected: Exactly, from class shares and recalls: Σ_k (π^V_k − π^T_k) · recall^V_k, the accuracy that
    validation would lose if its classes stood as they do on test. Each class carries (π^V − π^T)(recall^V − A_V) of
    it, and those that carry most are named. A recall that rests on fewer than {min_recall_class} validation images
    establishes nothing; where all of few images are right, or all wrong, the interval holds what that leaves in doubt
    (Jeffreys' prior). Nor is it established where the labels alone tell of other shares: if they are right, the run
    answers the classes more or less often accordingly, and its answers must surely follow {least_followed} of that
    change (Lipton et al. 2018). Nor where patients drawn by chance, whatever their classes, bring such shares too
    (Cochran 1977, the standard error of a ratio with patients as clusters). Taken off last instead of first (with the
    recalls of test) it may be another number; both are given. By balanced accuracy, or by costs at given shares, a
    class counts the same however frequent it is: then it is exactly 0, and does not apply.

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
        answers = None
        if not run.reviewed:
            answers = data.gap.draws.measured(followed_shares(run, samples), len(samples.val) + len(samples.test))
        error, unread = error_of_term(run, samples), len(data.to_review)
        return Shares(first, data.gap.prior_last, data.gap.details["prior"], known, answers, unread, error)

    def decide(self, measured: Shares, rules: Rules) -> Decision:
        """The term is exact if the labels are right, which answers bear out; and a few images establish no recall."""
        first, known = measured.first, measured.known
        agrees = known is None or (known.low > 0 and settled(rules.agreement * known.value - first.value) >= 0)
        decision = weigh(first, agrees, rules)
        return measured.no_surer(decision, rules) if decision.positive else decision

    def tell(self, measured: Shares, decision: Decision, rules: Rules) -> Told:
        """Which class, and what that is worth in both orders."""
        points, last = measured.first, measured.last
        sentence = (
            f"{measured.detail[0].upper()}{measured.detail[1:]}. At the recalls of validation that is worth "
            f"{said(points)}; at those of test {last.value:.1f} points."
        )
        numbers = {"taken_first": points.value, "taken_last": last.value}
        if measured.followed is not None:
            numbers["followed"] = measured.followed.value
        told = Told(sentence, points=points, numbers=numbers, explains={"prior": points.value})
        if decision.kind is ReasonKind.SHARES_BY_CHANCE:
            by_chance = (
                f" That is no more than chance: shares of {PATIENTS} drawn anew change it by ± "
                f"{Z95 * measured.error:.1f} points."
            )
            return replace(told, sentence=sentence + by_chance, reason=f"more {PATIENTS}")
        if decision.kind is not ReasonKind.REVIEW or measured.followed is None:
            return told
        part = measured.followed
        doubt = (
            f" The run's answers follow {part.value:.0%} [{part.low:.0%}, {part.high:.0%}] of that change; wrong "
            "labels of test would leave the answers as they were."
        )
        reason = f"two blind readers for {measured.unread} test {IMAGES}"
        return replace(told, sentence=sentence + doubt, reason=reason, alternatives=("labels",))


CAUSE = Prior()
