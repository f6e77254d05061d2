"""Logits in tables: one column a class, `logit_0` … `logit_<k−1>`; nothing else writes or reads these columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PREFIX = "logit_"
VARIANT_KEYS = ("id", "split", "variant")
"""Columns before the logits in a table of variants; an image stands at most once in a variant and split."""


def logit_columns(k: int) -> list[str]:
    """Names of the logit columns of k classes.

    >>> logit_columns(2)
    ['logit_0', 'logit_1']
    """
    return [f"{PREFIX}{c}" for c in range(k)]


def with_logit_columns(table: pd.DataFrame, logits: NDArray[np.float32] | NDArray[np.float64]) -> pd.DataFrame:
    """The table with its logits (n, k) behind, as float32, the precision in which networks compute."""
    packed = np.asarray(logits, dtype=np.float32)
    columns = {name: packed[:, c] for c, name in enumerate(logit_columns(packed.shape[1]))}
    return table.assign(**columns)


def logits_in(table: pd.DataFrame, k: int | None = None) -> NDArray[np.float64]:
    """Logits (n, k) of a table's rows; k is counted in the columns unless given."""
    columns = [name for name in table.columns if name.startswith(PREFIX)] if k is None else logit_columns(k)
    values: NDArray[np.float64] = table[columns].to_numpy(dtype=np.float64)
    return values


def variant_rows(
    ids: Sequence[str], part: str, variant: str, logits: NDArray[np.float32] | NDArray[np.float64]
) -> pd.DataFrame:
    """Rows of a table of variants: logits (n, k) of n images of a part under one variant."""
    return with_logit_columns(pd.DataFrame({"id": list(ids), "split": part, "variant": variant}), logits)


def variants_table(
    part: str, ids: Sequence[str], variants: Mapping[str, NDArray[np.float32] | NDArray[np.float64]]
) -> pd.DataFrame:
    """A table of variants that all show the same images of one part; at least one variant."""
    rows = [variant_rows(ids, part, name, logits) for name, logits in variants.items()]
    return pd.concat(rows, ignore_index=True)
