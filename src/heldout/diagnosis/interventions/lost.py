"""What a variant costs validation, roughly and at once: which changes are worth further trials."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.diagnosis.interventions.context import InterventionContext
from heldout.records.logit_table import logits_in
from heldout.ties import first_of_largest


def most_points_lost(context: InterventionContext, table: pd.DataFrame) -> float:
    """The larger of what validation loses by accuracy and by mean recall: by what it will be judged is not known here.

    Args:
        context: The run.
        table: Rows of one variant of validation.
    """
    there = np.bincount(context.labels("test"), minlength=context.k) > 0
    alike = there / max(there.sum(), 1)
    return max(points_lost(context, table), points_lost(context, table, alike))


def points_lost(
    context: InterventionContext, table: pd.DataFrame, counting: NDArray[np.float64] | None = None
) -> float:
    """Points that validation loses under a variant; no interval.

    Args:
        context: The run.
        table: Rows of one variant of validation.
        counting: (k,) what each class's recall counts; None for the shares of test, by which it is accuracy.
    """
    row = {id_: place for place, id_ in enumerate(context.ids("val"))}
    rows = np.array([row[id_] for id_ in table["id"]], dtype=np.int64)
    labels = context.labels("val")[rows]
    before = first_of_largest(context.logits("val")[rows]) == labels
    after = first_of_largest(logits_in(table, context.k)) == labels
    shares = np.bincount(context.labels("test"), minlength=context.k) / max(len(context.ids("test")), 1)
    shares = shares if counting is None else counting
    lost = 0.0
    for k in np.unique(labels):
        here = labels == k
        lost += 100 * float(shares[k]) * float(before[here].mean() - after[here].mean())
    return lost
