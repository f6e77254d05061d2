"""What a run answered, as the tables of its folder: of one class an image, or of several labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.records import PARTS
from heldout.records.label_predictions import PREDICTED, LabelPredictions
from heldout.records.label_predictions import to_table as table_of_labels
from heldout.records.predictions import Predictions, to_table
from heldout.stats.label_thresholds import label_thresholds

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """Images of a part as a network scored them.

    Attributes:
        ids: n names.
        labels: (n,) class indices; of several labels (n, k) of 0 and 1.
        logits: (n, k).
    """

    ids: Sequence[str]
    labels: Labels
    logits: NDArray[np.float32]


class AnswerTables(ABC):
    """Tables of what was answered."""

    @abstractmethod
    def thresholds(self, val: Scored) -> tuple[float, ...]:
        """The logit above which each label is answered, set on validation; empty where the largest logit decides."""

    @abstractmethod
    def predictions(self, parts: Mapping[str, Scored], thresholds: Sequence[float]) -> pd.DataFrame:
        """`predictions.parquet`: part -> its images, in the order of the parts."""

    @abstractmethod
    def epoch(self, ids: Sequence[str], number: int, predicted: NDArray[np.int16]) -> pd.DataFrame:
        """Rows of `val_epochs.parquet` after one epoch."""


class ClassTables(AnswerTables):
    """One class an image."""

    def thresholds(self, val: Scored) -> tuple[float, ...]:
        """None."""
        return ()

    def predictions(self, parts: Mapping[str, Scored], thresholds: Sequence[float]) -> pd.DataFrame:
        """Columns `label` and `predicted`."""
        return to_table(
            Predictions(name, tuple(parts[name].ids), parts[name].labels, parts[name].logits.astype(np.float64))
            for name in PARTS
            if name in parts
        )

    def epoch(self, ids: Sequence[str], number: int, predicted: NDArray[np.int16]) -> pd.DataFrame:
        """Column `predicted`."""
        return pd.DataFrame({"id": ids, "epoch": number, "predicted": predicted})


class LabelTables(AnswerTables):
    """Several labels an image."""

    def thresholds(self, val: Scored) -> tuple[float, ...]:
        """One a label."""
        return tuple(map(float, label_thresholds(val.labels, val.logits.astype(np.float64))))

    def predictions(self, parts: Mapping[str, Scored], thresholds: Sequence[float]) -> pd.DataFrame:
        """Columns `label_<k>` and `predicted_<k>`."""
        cuts = np.asarray(thresholds)
        return table_of_labels(
            LabelPredictions(name, tuple(part.ids), part.labels, part.logits.astype(np.float64), cuts)
            for name, part in ((name, parts[name]) for name in PARTS if name in parts)
        )

    def epoch(self, ids: Sequence[str], number: int, predicted: NDArray[np.int16]) -> pd.DataFrame:
        """Columns `predicted_<k>`, cut at a logit of 0."""
        answers = {f"{PREDICTED}{c}": predicted[:, c] for c in range(predicted.shape[1])}
        return pd.DataFrame({"id": ids, "epoch": number, **answers})


ANSWER_TABLES: dict[str, AnswerTables] = {"single": ClassTables(), "several": LabelTables()}
"""By the name of the labelling."""
