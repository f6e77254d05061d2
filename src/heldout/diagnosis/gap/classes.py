"""Validation against test, class by class, and the prior term if it were taken off last."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.gap.samples import Samples
from heldout.diagnosis.run_data import RunData
from heldout.records import ClassRow, Estimate
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import varies
from heldout.stats.intervals import wilson
from heldout.stats.joint import JointBootstrap, recalls
from heldout.stats.measured import Measured
from heldout.stats.scores import Reals


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
                _recall(base.val, recall_val[:, k], k, draws) if counts_val[k] else None,
                _recall(base.test, recall_test[:, k], k, draws) if counts_test[k] else None,
                draws.measured(points, int(counts_val[k] + counts_test[k])).estimate() if both else None,
            )
        )
    return tuple(rows), draws.measured(last, len(base.test))


def _recall(side: Predictions, values: Reals, k: int, draws: JointBootstrap) -> Estimate:
    """A recall with its interval; Wilson's on the number of patients where the bootstrap does not vary."""
    n = int(side.counts()[k])
    measured = draws.measured(values, n)
    if varies(measured.replicates):
        return measured.estimate()
    units = len(np.unique(side.units[side.labels == k]))
    low, high = wilson(measured.value * units, units)
    return Estimate(
        measured.value,
        min(low, measured.value),
        max(high, measured.value),
        n,
        f"Wilson on {units} units (the bootstrap does not vary)",
    )
