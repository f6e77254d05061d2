"""The term of a cross-validation: test was answered by the mean of several networks, each validation image by one."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.run_data import RunData
from heldout.records import TermStatus
from heldout.stats.measured import Measured
from heldout.stats.weighted import weighted_mean
from heldout.ties import first_of_largest


def averaging_term(run: RunData, like: Measured) -> GapTerm | None:
    """Mean score of the folds' networks on test minus that of their mean; below 0 where the mean is better.

    Without it a gap would hide what test gained from the mean: A_V − A_T is as much too small.

    Args:
        run: The run.
        like: The gap.

    Returns:
        None where one network answered.
    """
    if run.folds is None or run.test is None:
        return None
    names = [name for name in run.folds.variants if run.folds.has(name, "test")]
    logits = np.stack([run.folds.logits(name, "test", run.test.ids) for name in names])  # (m, n, k)
    if not len(names) or not np.isfinite(logits).all():
        detail = "not measured, since not every test image was answered by each fold's network"
        return GapTerm(Measured.constant(0.0, like), TermStatus.NOT_MEASURED, detail)
    alone = (first_of_largest(logits, axis=2) == run.test.labels).astype(np.float64).mean(axis=0)
    gained = weighted_mean(alone, run.draws.test) - weighted_mean(run.test.right, run.draws.test)
    detail = f"the {len(names)} networks of the folds alone, in the mean, minus the mean of their probabilities"
    return GapTerm(run.draws.measured(100 * gained, len(run.test)), TermStatus.MEASURED, detail)
