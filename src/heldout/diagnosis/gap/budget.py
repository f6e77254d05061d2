"""The gap of a run, taken apart: the terms in their order, and what is left of the gap after each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heldout.diagnosis.gap.classes import class_rows
from heldout.diagnosis.gap.samples import Samples, samples_of
from heldout.diagnosis.gap.selection import selection_term
from heldout.diagnosis.gap.threshold import threshold_term
from heldout.diagnosis.run_data import RunData
from heldout.records import ClassRow, Estimate, Term
from heldout.stats.estimates import accuracy_estimate, gap_estimate
from heldout.stats.joint import JointBootstrap
from heldout.stats.measured import Measured
from heldout.stats.scores import Reals
from heldout.stats.weighted import recalls, weighted_mean


@dataclass(frozen=True)
class GapBudget:
    """A gap and its terms.

    Attributes:
        gap: G, points.
        gap_estimate: G with an interval that has a width even where the bootstrap does not vary.
        terms: The terms in order; their values, and each of their replicates, sum to the gap's.
        details: A sentence a term.
        label_bound: Where labels were not reviewed: points that wrong test labels may account for at most; None where
            no bound could be computed.
        prior_last: The prior term if it were taken off last.
        classes: Per-class rows.
        base: The sides that were compared.
        draws: The bootstrap.
    """

    gap: Measured
    gap_estimate: Estimate
    terms: dict[Term, Measured]
    details: dict[Term, str]
    label_bound: float | None
    prior_last: Measured
    classes: tuple[ClassRow, ...]
    base: Samples
    draws: JointBootstrap

    @property
    def explained(self) -> bool:
        """Whether there is something to explain: the interval of the gap excludes 0."""
        return not self.gap_estimate.low <= 0 <= self.gap_estimate.high

    def estimate(self, term: Term) -> Estimate:
        """A term with its interval; labels that nobody reviewed are 0 with the bound as upper end."""
        if term == "labels" and self.label_bound is not None:
            method = "upper bound: every flagged image that counts as a mistake is mislabelled"
            return Estimate(0.0, 0.0, self.label_bound, self.gap.n, method)
        return self.terms[term].estimate()


def why_no_budget(evidence: RunData) -> str | None:
    """What is missing for a budget, in words that follow "needs"; None where nothing is."""
    if evidence.test is None or not len(evidence.test):
        return "a test set"
    if evidence.val is None or not len(evidence.val):
        return "validation images"
    absent = (evidence.test.counts() > 0) & (evidence.val.counts() == 0)
    if absent.any():
        names = ", ".join(f"'{evidence.classes[k]}'" for k in np.flatnonzero(absent))
        return f"validation images of {names}, which stand only in test"
    return None


def measure_budget(evidence: RunData, label_bound: float | None = None) -> GapBudget:
    """Take the gap of a run apart.

    Args:
        evidence: With validation and test images; `why_no_budget` must have answered None.
        label_bound: Points that wrong test labels may account for at most, where nobody reviewed them.

    Returns:
        The budget. Without enough images of a class the threshold term is missing and ranking holds it; without enough
        independent validation images the leakage term is missing.
    """
    val, test = evidence.val, evidence.test
    assert val is not None and test is not None
    draws = evidence.draws
    gap = draws.gap(val.right, test.right)
    base, independent = samples_of(evidence)
    found: dict[Term, tuple[Measured | None, str]] = {
        "selection": selection_term(evidence, gap),
        "leakage": _leakage_term(evidence, base, independent, gap),
        "prior": _prior_term(evidence, base, gap),
        "labels": _labels_term(evidence, base, gap),
        "threshold": threshold_term(evidence, base, gap),
    }
    terms = {term: points for term, (points, _) in found.items() if points is not None}
    details = {term: words for term, (_, words) in found.items()}
    rest = gap
    for points in terms.values():
        rest = rest - points
    terms["ranking"] = Measured(rest.value, rest.replicates, gap.n, gap.method)
    details["ranking"] = "what remains: images that no shift of the decision separates"
    rows, prior_last = class_rows(evidence, base, draws)
    bound = None if _reviewed(evidence) else label_bound
    estimate = gap_estimate(draws, val.right, test.right, accuracy_estimate(val), accuracy_estimate(test))
    return GapBudget(gap, estimate, terms, details, bound, prior_last, rows, base, draws)


def _leakage_term(evidence: RunData, base: Samples, independent: str, gap: Measured) -> tuple[Measured | None, str]:
    """What relatives in train are worth to validation; None where too few images without one are left to tell.

    Args:
        evidence: The run's evidence.
        base: Its sides.
        independent: How V′ came about, as `samples_of` says it; empty where V′ is validation as it is.
        gap: For its replicates.
    """
    val = evidence.val
    assert val is not None
    if independent:
        accuracy = weighted_mean(val.right, evidence.draws.val)  # (B + 1,)
        at_val_prior = np.nansum(base.val_prior * _recalls(base, evidence.k), axis=1)
        return evidence.draws.measured(100 * (accuracy - at_val_prior), len(val)), independent
    if evidence.leaked:
        words = (
            f"{len(evidence.leaked)} of {len(val)} validation images have a relative in train, and too few are left to "
            "measure what that is worth; what it is worth stands in ranking"
        )
        return None, words
    return Measured.constant(0.0, gap), "no validation image has a known relative in train"


def _prior_term(evidence: RunData, base: Samples, gap: Measured) -> tuple[Measured, str]:
    """What the shares of the classes are worth at the recalls of V′."""
    points = 100 * np.nansum((base.val_prior - base.test_prior) * _recalls(base, evidence.k), axis=1)
    moved = np.abs(base.val_prior[0] - base.test_prior[0])
    k = int(moved.argmax())
    if moved[k] < 0.0005:  # a tenth of a percent is all that the words below show
        return evidence.draws.measured(points, gap.n), "class shares are the same in validation and test"
    words = (
        f"class shares differ: '{evidence.classes[k]}' is {base.val_prior[0, k]:.1%} of validation and "
        f"{base.test_prior[0, k]:.1%} of test"
    )
    return evidence.draws.measured(points, gap.n), words


def _recalls(base: Samples, k: int) -> Reals:
    """Recalls of V′ in each replicate, (B + 1, k)."""
    return recalls(base.val.right, base.val.labels, base.val_weights, k)


def _reviewed(evidence: RunData) -> int:
    """Number of test images that were reviewed."""
    return 0 if evidence.review is None else len(evidence.review)


def _labels_term(evidence: RunData, base: Samples, gap: Measured) -> tuple[Measured, str]:
    """Test accuracy with the reviewers' labels minus that with the given ones."""
    reviewed = _reviewed(evidence)
    if not reviewed:
        return Measured.constant(0.0, gap), "no test image was reviewed; only an upper bound is known"
    true = weighted_mean(base.true_test.right, base.true_weights)
    points = 100 * (true - weighted_mean(base.test.right, base.test_weights))
    return evidence.draws.measured(points, reviewed), f"{reviewed} test images were reviewed"
