"""Is the run better than an answer that looks at no image?"""

from __future__ import annotations

from heldout.diagnosis.run_data import RunData
from heldout.records import Estimate
from heldout.stats.estimates import difference_estimate


def over_baseline(run: RunData) -> tuple[str, Estimate] | None:
    """The commonest class of train (of validation where train is not known), and the run's score less its, on test.

    Points of the metric, paired on the same draws of patients; None without test or without images to take it from.
    """
    known = next((side for side in (run.train, run.val) if side is not None and len(side)), None)
    if run.test is None or not len(run.test) or run.val is None or not len(run.val) or known is None:
        return None
    common = known.commonest()
    constant, drawn = run.test.labels == common, run.draws.resamples("test")
    return run.classes[common], difference_estimate(run.test.right, constant, drawn, run.test.labels, run.weights)
