"""The gap of a run, taken apart by its metric: the terms in their order, and what is left of the gap after each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from heldout.diagnosis.gap.absent import absent_classes, absent_term
from heldout.diagnosis.gap.averaging import averaging_term
from heldout.diagnosis.gap.chosen_on_test import ChoiceOnTest, choice_on_test, chosen_on_test_term
from heldout.diagnosis.gap.classes import class_rows
from heldout.diagnosis.gap.labels import labels_term
from heldout.diagnosis.gap.leakage import leakage_term
from heldout.diagnosis.gap.prior import error_of_drawn_shares, prior_term
from heldout.diagnosis.gap.samples import Samples, samples_of
from heldout.diagnosis.gap.selection import selection_term
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.gap.threshold import threshold_term
from heldout.diagnosis.rules import RULES, Rules
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.words import listed
from heldout.records import TERMS, BudgetTerm, ClassRow, Estimate, Term, TermStatus
from heldout.stats.class_draws import redrawn
from heldout.stats.estimates import gap_estimate
from heldout.stats.joint import JointBootstrap
from heldout.stats.measured import Measured


@dataclass(frozen=True)
class GapBudget:
    """A gap and its terms.

    Attributes:
        gap: G, points.
        gap_estimate: G with an interval that has a width even where the bootstrap does not vary.
        redrawn: G with the interval that it has if other patients would have brought other class shares too.
        parts: The terms in order.
        label_bound: Where labels were not reviewed: points that wrong test labels may account for at most; None where
            no bound could be computed.
        prior_last: The prior term if it were taken off last.
        classes: Per-class rows.
        samples: What was compared.
        draws: The bootstrap.
        on_test: What is known of a choice by test score.
    """

    gap: Measured
    gap_estimate: Estimate
    redrawn: Estimate
    parts: dict[Term, GapTerm]
    label_bound: float | None
    prior_last: Measured
    classes: tuple[ClassRow, ...]
    samples: Samples
    draws: JointBootstrap
    on_test: ChoiceOnTest = field(default_factory=ChoiceOnTest)

    @property
    def explained(self) -> bool:
        """Whether there is something to explain: the interval of the gap excludes 0, whatever shares patients bring."""
        return not self.redrawn.low <= 0 <= self.redrawn.high

    @cached_property
    def terms(self) -> dict[Term, Measured]:
        """Points of the terms that have any; their values, and each of their replicates, sum to the gap's."""
        return {term: part.points for term, part in self.parts.items() if part.points is not None}

    @cached_property
    def details(self) -> dict[Term, str]:
        """How each term was measured, or why it is missing, in a sentence."""
        return {term: part.detail for term, part in self.parts.items()}

    @cached_property
    def status(self) -> dict[Term, TermStatus]:
        """Whether each term was measured."""
        return {term: part.status for term, part in self.parts.items()}

    def estimate(self, term: Term) -> Estimate:
        """A term with its interval; labels that nobody reviewed are 0 with the bound as upper end."""
        if term == "labels" and self.label_bound is not None:
            method = (
                "upper bound: every flagged image that counts as a mistake is mislabelled, or what contradictions allow"
            )
            return Estimate(0.0, 0.0, self.label_bound, self.gap.n, method)
        return self.terms[term].estimate()

    def record(self) -> tuple[BudgetTerm, ...]:
        """The terms that have points, in order, for the record."""
        return tuple(
            BudgetTerm(term, self.estimate(term), self.details[term], self.status[term])
            for term in TERMS
            if term in self.terms
        )


def why_no_budget(run: RunData) -> str | None:
    """What is missing for a budget, in words that follow "needs"; None where nothing is."""
    if run.test is None or not len(run.test):
        return "a test set"
    if run.val is None or not len(run.val):
        return "validation images"
    if len(missing := absent_classes(run)) and (run.test.counts() > 0).sum() == len(missing):
        names = listed([f"'{run.classes[k]}'" for k in missing])
        return f"a class that both parts have: of {names} there are images in test only"
    return None


def measure_budget(run: RunData, label_bound: float | None = None, rules: Rules = RULES) -> GapBudget:
    """Take the gap of a run apart.

    Args:
        run: With validation and test images; `why_no_budget` must have answered None.
        label_bound: Points that wrong test labels may account for at most, where nobody reviewed them.
        rules: Numbers of images that terms need, and of halvings.

    Returns:
        The budget. Test images of classes that validation lacks are a term of their own, and all others are of the
        classes that both have. Without enough images of two classes the threshold term has no points and ranking holds
        it; likewise the leakage term without enough independent validation images.
    """
    val, test = run.val, run.test
    assert val is not None and test is not None
    draws = run.draws
    gap = draws.gap(val.right, test.right)
    samples, independent = samples_of(run, rules)
    on_test = choice_on_test(run, rules)
    first, absent = chosen_on_test_term(on_test, gap), absent_term(run)
    averaging = averaging_term(run, gap)
    parts: dict[Term, GapTerm] = {
        **({} if first is None else {"chosen-on-test": first}),
        **({} if averaging is None else {"averaging": averaging}),
        **({} if absent is None else {"absent": absent}),
        "selection": selection_term(run, gap, rules),
        "leakage": leakage_term(run, samples, independent, gap),
        "prior": prior_term(run, samples, gap),
        "labels": labels_term(run, samples, gap),
        "threshold": threshold_term(run, samples, gap, rules),
    }
    rest = gap
    for part in parts.values():
        rest = rest if part.points is None else rest - part.points
    remainder = replace(rest, n=gap.n, method=gap.method)
    detail = "what remains: images that no shift of the decision separates"
    parts["ranking"] = GapTerm(remainder, TermStatus.MEASURED, detail)
    rows, prior_last = class_rows(run, samples, draws)
    bound = None if run.reviewed else label_bound
    val_score, test_score = run.score("val"), run.score("test")
    assert val_score is not None and test_score is not None
    estimate = gap_estimate(draws, val.right, test.right, val_score, test_score)
    wider = redrawn(estimate, error_of_drawn_shares(run))
    return GapBudget(gap, estimate, wider, parts, bound, prior_last, rows, samples, draws, on_test)
