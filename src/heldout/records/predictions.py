"""Scored images: what a run made of one part of a split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from heldout.records.logit_table import logit_columns, logits_in, with_logit_columns
from heldout.records.split import PARTS
from heldout.ties import first_of_largest

Indices = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """Images of one part with their labels and what a run made of them.

    Attributes:
        part: `train`, `val` or `test`.
        ids: Names of the images, n of them.
        labels: Class indices, shape (n,).
        logits: Shape (n, k).
        patients: Patient of each image, empty where not known; `()` stands for n empty ones.
        sites: Site of each image, likewise.
        columns: Name of a further column (sex, device, age) -> the text that each image has there, empty where missing.
    """

    part: str
    ids: tuple[str, ...]
    labels: Indices
    logits: Reals
    patients: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("patients", "sites"):
            object.__setattr__(self, name, getattr(self, name) or ("",) * len(self.ids))
        lengths = [len(column) for column in (self.ids, self.labels, self.logits, self.patients, self.sites)]
        lengths += [len(column) for column in self.columns.values()]
        if len(set(lengths)) > 1:
            raise ValueError(f"expected as many ids, labels, logits, patients, sites and columns, found {lengths}")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def predicted(self) -> Indices:
        """Class with the largest logit, shape (n,)."""
        return first_of_largest(self.logits, axis=1)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Which images are right, shape (n,)."""
        hit: NDArray[np.bool_] = self.predicted == self.labels
        return hit

    @cached_property
    def probabilities(self) -> Reals:
        """Softmax of the logits, shape (n, k), rows sum to 1; not calibrated."""
        result: Reals = softmax(self.logits, axis=1)
        return result

    @cached_property
    def units(self) -> Indices:
        """Number of the patient of each image, an image without one being a unit of its own; shape (n,)."""
        names = [f"patient {p}" if p else f"image {i}" for p, i in zip(self.patients, self.ids, strict=True)]
        _, unit = np.unique(np.array(names, dtype=str), return_inverse=True)
        return unit.astype(np.int64)

    def counts(self) -> Indices:
        """Images of each class, shape (k,)."""
        found: Indices = np.bincount(self.labels, minlength=self.logits.shape[1])
        return found

    def commonest(self) -> int:
        """The class with the most images; of equals the first."""
        return int(self.counts().argmax())

    def take(self, rows: Indices | NDArray[np.bool_]) -> Predictions:
        """Some of the images."""
        index = np.arange(len(self))[rows]
        return Predictions(
            self.part,
            tuple(self.ids[i] for i in index),
            self.labels[index],
            self.logits[index],
            tuple(self.patients[i] for i in index),
            tuple(self.sites[i] for i in index),
            {name: tuple(column[i] for i in index) for name, column in self.columns.items()},
        )

    def with_logits(self, logits: Reals) -> Predictions:
        """The same images as another network, or the same after an intervention, sees them."""
        return replace(self, logits=logits)


def columns_of(k: int) -> list[str]:
    """Columns of a table of predictions on k classes, as `predictions.parquet` has had them since 0.1.0."""
    return ["id", "split", "label", "predicted", *logit_columns(k)]


def to_table(parts: Iterable[Predictions]) -> pd.DataFrame:
    """Predictions as the rows of one table, part after part; patients and sites stay in the cohort."""
    rows = [
        pd.DataFrame({"id": one.ids, "split": one.part, "label": one.labels, "predicted": one.predicted}).pipe(
            with_logit_columns, one.logits
        )
        for one in parts
    ]
    return pd.concat(rows, ignore_index=True)


def from_table(
    table: pd.DataFrame,
    patients: Mapping[str, str] | None = None,
    sites: Mapping[str, str] | None = None,
    columns: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Predictions]:
    """Part -> its predictions, rows in the order of the table; a part without rows is left out.

    Args:
        table: As `to_table` makes it. `predicted` is not read: it follows from the logits.
        patients: Id -> patient, empty where not known; None where nothing is known.
        sites: Id -> site, likewise.
        columns: Name of a further column -> id -> its text.
    """
    found = {}
    for part in PARTS:
        rows = table[table["split"] == part]
        if len(rows):
            ids = tuple(rows["id"])
            who, where = (tuple(str(names[id_]) for id_ in ids) if names else () for names in (patients, sites))
            labels = rows["label"].to_numpy(dtype=np.int64)
            further = {name: tuple(texts[id_] for id_ in ids) for name, texts in (columns or {}).items()}
            found[part] = Predictions(part, ids, labels, logits_in(rows), who, where, further)
    return found
