"""Validation against test, class by class, and the prior term if it were taken off last."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.gap.prior import doubted_recalls, prior_by_class
from heldout.diagnosis.gap.samples import Samples, shares_of_test
from heldout.diagnosis.run_data import RunData
from heldout.records import ClassRow, Estimate
from heldout.stats.estimates import recall_estimate, weighted_share_estimate
from heldout.stats.joint import JointBootstrap
from heldout.stats.measured import Measured
from heldout.stats.scores import Reals
from heldout.stats.weighted import recalls


def class_rows(run: RunData, samples: Samples, draws: JointBootstrap) -> tuple[tuple[ClassRow, ...], Measured]:
    """Per-class rows, and the prior term if it were taken off last (recalls of test instead of V′)."""
    recall_val = recalls(samples.val.right, samples.val.labels, samples.val_weights, run.k)
    recall_test = recalls(samples.true_test.right, samples.true_test.labels, samples.true_weights, run.k)
    carried = prior_by_class(samples, doubted_recalls(run, samples))
    counts_val, counts_test = samples.val.counts(), samples.test.counts()
    # Of a class without test images nothing is known to have changed but its share.
    recall_last = np.where(np.isnan(recall_test), recall_val, recall_test)
    last = 100 * np.nansum((samples.val_prior - samples.test_prior) * recall_last, axis=1)
    of_test = shares_of_test(run, samples)
    trained, rows = run.train_counts, []
    for k, name in enumerate(run.classes):
        points = 100 * samples.test_prior[:, k] * (recall_val[:, k] - recall_test[:, k])
        both = bool(counts_val[k] and counts_test[k] and np.isfinite(points[0]))  # readers may leave a class no image
        n = int(counts_val[k] + counts_test[k])
        rows.append(
            ClassRow(
                name,
                float(samples.val_shares[k]),
                float(of_test[k]),
                recall_estimate(samples.val, k),
                _recall_of_test(run, samples, recall_test[:, k], k, draws),
                draws.measured(points, n).estimate() if both else None,
                float(samples.test_prior[0, k]),
                draws.measured(carried[:, k], n).estimate() if counts_val[k] else None,
                None if trained is None else int(trained[k]),
            )
        )
    return tuple(rows), draws.measured(last, len(samples.test))


def _recall_of_test(run: RunData, samples: Samples, recall: Reals, k: int, draws: JointBootstrap) -> Estimate | None:
    """Recall on test, by the reviewers' labels where there are some."""
    if not run.reviewed or k in samples.absent:
        return None if run.test is None else recall_estimate(run.test, k)
    own = samples.test.labels == k
    if not own.any() or not np.isfinite(recall[0]):  # readers may leave a class no image
        return None
    return weighted_share_estimate(draws.measured(recall, int(own.sum())), len(np.unique(samples.test.units[own])))
