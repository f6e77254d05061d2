"""Scored images with several labels each, and the two-class question that each label is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.records.logit_table import logits_in, with_logit_columns
from heldout.records.predictions import Predictions
from heldout.records.split import PARTS

Indices = NDArray[np.int64]
Reals = NDArray[np.float64]

LABEL, PREDICTED = "label_", "predicted_"
"""Columns of a label's truth and answer in `predictions.parquet`, each with the label's number behind."""


@dataclass(frozen=True)
class LabelPredictions:
    """Images of one part with their labels, what a run made of them, and where each label's threshold lies.

    Attributes:
        part: `train`, `val` or `test`.
        ids: Names of the images, n of them.
        labels: 1 where an image has a label, shape (n, k).
        logits: Shape (n, k), one yes-or-no answer each.
        thresholds: Logit above which a label is answered, (k,).
        patients: Patient of each image, empty where not known; `()` stands for n empty ones.
        sites: Site of each image, likewise.
        columns: Name of a further column (sex, device, age) -> the text that each image has there, empty where missing.
    """

    part: str
    ids: tuple[str, ...]
    labels: Indices
    logits: Reals
    thresholds: Reals
    patients: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("patients", "sites"):
            object.__setattr__(self, name, getattr(self, name) or ("",) * len(self.ids))
        if not self.labels.shape == self.logits.shape == (len(self.ids), len(self.thresholds)):
            found = f"{self.labels.shape}, {self.logits.shape} and {len(self.thresholds)} thresholds"
            raise ValueError(f"expected labels and logits (n, k) of {len(self.ids)} images, found {found}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def k(self) -> int:
        """Number of labels."""
        return len(self.thresholds)

    @cached_property
    def predicted(self) -> Indices:
        """1 where a label's logit lies above its threshold, (n, k)."""
        return (self.logits > self.thresholds).astype(np.int64)

    @cached_property
    def strata(self) -> Indices:
        """The rarest label that each image has, counted on this part, (n,); k for an image without any.

        What bootstrap draws are made within, so that no replicate loses a rare label.
        """
        counts = self.labels.sum(axis=0)
        order = np.argsort(counts, kind="stable")
        first = self.labels[:, order].argmax(axis=1)
        found: Indices = np.where(self.labels.any(axis=1), order[first], self.k)
        return found

    def question(self, label: int) -> Predictions:
        """One label as a question of two classes, absent (0) and present (1): logits 0 and z − threshold."""
        return Predictions(
            self.part,
            self.ids,
            self.labels[:, label],
            question_logits(self.logits, label, float(self.thresholds[label])),
            self.patients,
            self.sites,
            self.columns,
        )

    def with_thresholds(self, thresholds: Reals) -> LabelPredictions:
        """The same answers, cut elsewhere."""
        return replace(self, thresholds=thresholds)


@dataclass(frozen=True)
class LabelQuestion:
    """One of several labels, asked of a run by itself.

    Attributes:
        name: The label.
        label: Its number.
        threshold: Logit above which it is answered.
        candidates: Thresholds that this one stands among, ascending, itself included.
    """

    name: str
    label: int
    threshold: float
    candidates: tuple[float, ...] = ()


def question_logits(logits: NDArray[np.floating], label: int, threshold: float) -> Reals:
    """Logits (n, 2) of absent and present: 0 and z − threshold.

    >>> question_logits(np.array([[1.0, 3.0]]), 1, 2.0).tolist()
    [[0.0, 1.0]]
    """
    z = np.asarray(logits[:, label], dtype=np.float64) - threshold
    return np.stack([np.zeros_like(z), z], axis=1)


def columns_of(k: int) -> list[str]:
    """Columns of `predictions.parquet` on k labels."""
    numbers = range(k)
    return [
        "id",
        "split",
        *(f"{LABEL}{c}" for c in numbers),
        *(f"{PREDICTED}{c}" for c in numbers),
        *(f"logit_{c}" for c in numbers),
    ]


def to_table(parts: Iterable[LabelPredictions]) -> pd.DataFrame:
    """Predictions as the rows of one table, part after part; patients and sites stay in the cohort."""
    rows = []
    for one in parts:
        cells: dict[str, object] = {"id": one.ids, "split": one.part}
        cells |= {f"{LABEL}{c}": one.labels[:, c] for c in range(one.k)}
        cells |= {f"{PREDICTED}{c}": one.predicted[:, c] for c in range(one.k)}
        rows.append(with_logit_columns(pd.DataFrame(cells), one.logits))
    return pd.concat(rows, ignore_index=True)


def from_table(
    table: pd.DataFrame,
    thresholds: Sequence[float],
    texts: Mapping[str, Mapping[str, str]],
    further: Sequence[str] = (),
) -> dict[str, LabelPredictions]:
    """Part -> its predictions, rows in the order of the table; a part without rows is left out.

    Args:
        table: As `to_table` makes it; what was predicted is not read, since it follows from logits and thresholds.
        thresholds: One a label.
        texts: `patient`, `site` and every further column -> id -> its text.
        further: Names of the further columns.
    """
    found = {}
    for part in PARTS:
        rows = table[table["split"] == part]
        if len(rows):
            ids = tuple(rows["id"])

            def column(name: str, ids: tuple[str, ...] = ids) -> tuple[str, ...]:
                return tuple(str(texts[name][id_]) for id_ in ids)

            found[part] = LabelPredictions(
                part,
                ids,
                rows[[f"{LABEL}{c}" for c in range(len(thresholds))]].to_numpy(dtype=np.int64),
                logits_in(rows),
                np.asarray(thresholds, dtype=np.float64),
                column("patient"),
                column("site"),
                {name: column(name) for name in further},
            )
    return found
