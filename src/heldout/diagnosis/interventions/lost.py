"""What a variant costs validation, roughly and at once: which changes are worth further trials."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heldout.diagnosis.interventions.context import InterventionContext
from heldout.records.logit_table import logits_in
from heldout.ties import first_of_largest


def points_lost(context: InterventionContext, table: pd.DataFrame) -> float:
    """Accuracy points that validation loses under a variant, the classes at the shares of test; no interval.

    Args:
        context: The run.
        table: Rows of one variant of validation.
    """
    row = {id_: place for place, id_ in enumerate(context.ids("val"))}
    rows = np.array([row[id_] for id_ in table["id"]], dtype=np.int64)
    labels = context.labels("val")[rows]
    before = first_of_largest(context.logits("val")[rows]) == labels
    after = first_of_largest(logits_in(table, context.k)) == labels
    shares = np.bincount(context.labels("test"), minlength=context.k) / max(len(context.ids("test")), 1)
    lost = 0.0
    for k in np.unique(labels):
        here = labels == k
        lost += 100 * float(shares[k]) * float(before[here].mean() - after[here].mean())
    return lost
