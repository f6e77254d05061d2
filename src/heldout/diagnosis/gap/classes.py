"""Validation against test, class by class, and the prior term if it were taken off last."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.gap.samples import Samples
from heldout.diagnosis.run_data import RunData
from heldout.records import ClassRow, Estimate
from heldout.stats.estimates import recall_estimate, weighted_share_estimate
from heldout.stats.joint import JointBootstrap
from heldout.stats.measured import Measured
from heldout.stats.scores import Reals
from heldout.stats.weighted import recalls


def class_rows(evidence: RunData, base: Samples, draws: JointBootstrap) -> tuple[tuple[ClassRow, ...], Measured]:
    """Per-class rows, and the prior term if it were taken off last (recalls of test instead of V′)."""
    recall_val = recalls(base.val.right, base.val.labels, base.val_weights, evidence.k)
    recall_test = recalls(base.true_test.right, base.true_test.labels, base.true_weights, evidence.k)
    counts_val, counts_test = base.val.counts(), base.test.counts()
    # Of a class without test images nothing is known to have changed but its share.
    recall_last = np.where(np.isnan(recall_test), recall_val, recall_test)
    last = 100 * np.nansum((base.val_prior - base.test_prior) * recall_last, axis=1)
    rows = []
    for k, name in enumerate(evidence.classes):
        both = bool(counts_val[k] and counts_test[k])
        points = 100 * base.test_prior[:, k] * (recall_val[:, k] - recall_test[:, k])
        rows.append(
            ClassRow(
                name,
                float(base.val_prior[0, k]),
                float(base.test_prior[0, k]),
                recall_estimate(base.val, k),
                _recall_of_test(base, recall_test[:, k], k, draws),
                draws.measured(points, int(counts_val[k] + counts_test[k])).estimate() if both else None,
            )
        )
    return tuple(rows), draws.measured(last, len(base.test))


def _recall_of_test(base: Samples, recall: Reals, k: int, draws: JointBootstrap) -> Estimate | None:
    """Recall on test, by the reviewers' labels where there are some."""
    if base.true_test is base.test:
        return recall_estimate(base.test, k)
    own = base.test.labels == k
    if not own.any():
        return None
    return weighted_share_estimate(draws.measured(recall, int(own.sum())), len(np.unique(base.test.units[own])))
