"""The prior term: what the shares of the classes are worth at the recalls of V′."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.gap.samples import Samples
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.run_data import RunData
from heldout.records import TermStatus
from heldout.stats.measured import Measured
from heldout.stats.weighted import recalls
from heldout.ties import first_of_largest

SHOWN = 0.0005
"""Half of the last digit with which shares are shown: smaller differences are called none."""


def prior_term(run: RunData, samples: Samples, gap: Measured) -> GapTerm:
    """Σ_k (π^V_k − π^T_k) recall^V′_k, exact; the detail names the class whose share moved most.

    Exactly 0 where the metric counts a class the same in every part, and both parts have the same classes.
    """
    there = [part.counts() > 0 for part in (run.val, samples.true_test) if part is not None]
    if run.weights.fixed and (there[0] == there[1]).all():
        return GapTerm.nothing(gap, f"{run.metric.words} counts a class the same however frequent it is")
    by_class = recalls(samples.val.right, samples.val.labels, samples.val_weights, run.k)
    points = 100 * np.nansum((samples.val_prior - samples.test_prior) * by_class, axis=1)
    moved = np.abs(samples.val_shares - samples.test_shares)
    k = int(first_of_largest(moved))  # of two classes both move alike
    detail = "class shares are the same in validation and test"
    if moved[k] >= SHOWN:
        detail = (
            f"class shares differ: '{run.classes[k]}' is {samples.val_shares[k]:.1%} of validation and "
            f"{samples.test_shares[k]:.1%} of test"
        )
    return GapTerm(run.draws.measured(points, gap.n), TermStatus.MEASURED, detail)
