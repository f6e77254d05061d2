"""The labels term: test accuracy with the reviewers' labels minus that with the given ones."""

from __future__ import annotations

from heldout.diagnosis.gap.samples import Samples
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.run_data import RunData
from heldout.records import TermStatus
from heldout.stats.measured import Measured
from heldout.stats.weighted import weighted_mean


def labels_term(run: RunData, samples: Samples, gap: Measured) -> GapTerm:
    """The Horvitz-Thompson difference; without a review 0, of which only a bound is known."""
    if not run.reviewed:
        detail = "no test image was reviewed; only an upper bound is known"
        return GapTerm(Measured.constant(0.0, gap), TermStatus.BOUND, detail)
    true = weighted_mean(samples.true_test.right, samples.true_weights)
    points = 100 * (true - weighted_mean(samples.test.right, samples.test_weights))
    detail = f"{run.reviewed} test {run.unit.words} were reviewed"
    return GapTerm(run.draws.measured(points, run.reviewed), TermStatus.MEASURED, detail)
