"""Tables of logits, as experiments leave them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from heldout.diagnosis.interventions.context import Indices, InterventionContext, Logits
from heldout.errors import HeldoutError
from heldout.records.logit_table import VARIANT_KEYS, logit_columns, logits_in, variant_rows


def rows_of(
    context: InterventionContext, part: str, variant: str, logits: Logits, rows: Indices | None = None
) -> pd.DataFrame:
    """A variant's logits of a part: of all its images in their order, or of some rows of it.

    Args:
        context: The run.
        part: `train`, `val` or `test`.
        variant: Name of the variant.
        logits: (m, k).
        rows: (m,) rows of the part; None for all.
    """
    ids = context.ids(part)
    named = ids if rows is None else [ids[i] for i in rows]
    return variant_rows(named, part, variant, logits)


def joined(tables: Iterable[pd.DataFrame], k: int) -> pd.DataFrame:
    """Several variants one under another; an empty table with the right columns if there are none."""
    found = list(tables)
    if not found:
        return variant_rows((), "val", "", np.empty((0, k), dtype=np.float32))
    return pd.concat(found, ignore_index=True)


def check_scores(table: pd.DataFrame, k: int, known: set[str]) -> None:
    """What every experiment's table keeps.

    Raises:
        HeldoutError: Columns, ids or logits are not what causes rely on.
    """
    columns = [*VARIANT_KEYS, *logit_columns(k)]
    if list(table.columns) != columns:
        raise HeldoutError(f"the table has the columns {list(table.columns)}; expected {columns}")
    if not np.isfinite(logits_in(table, k)).all():
        raise HeldoutError("some logits are not finite")
    if table.duplicated(list(VARIANT_KEYS)).any():
        raise HeldoutError("an image stands twice in one variant")
    if not set(table["id"]) <= known:
        raise HeldoutError("some ids are not of this study")
