"""One bootstrap over the patients of validation and test together; every term of a budget is computed from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import draw
from heldout.stats.measured import Measured
from heldout.stats.scores import Reals
from heldout.stats.thresholds import Weights

ROWS = 128
"""Replicates summed at a time."""


@dataclass(frozen=True)
class JointBootstrap:
    """How often every image counts: row 0 is the sample itself (all ones), rows 1 … B are replicates.

    Attributes:
        val: Shape (B + 1, n_V).
        test: Shape (B + 1, n_T).
        method: How they were drawn, for the record.
    """

    val: Weights
    test: Weights
    method: str

    @classmethod
    def of(cls, val: Predictions, test: Predictions, replicates: int, seed: int) -> JointBootstrap:
        """Draw patients with replacement within strata of part and class, validation and test jointly.

        A patient with images in both parts is one unit: it is drawn with all of them, or not at all.

        Args:
            val: Validation.
            test: Test.
            replicates: B.
            seed: Seed of the draw.
        """
        k = val.logits.shape[1]
        labels = np.concatenate([val.labels, test.labels + k])  # a stratum a part and class
        ids = [f"{side.part} {id_}" for side in (val, test) for id_ in side.ids]
        drawn = draw(labels, ids, val.patients + test.patients, replicates=replicates, seed=(seed, 3))
        weights = np.concatenate([np.ones((1, len(labels)), dtype=np.float32), drawn.weights()])
        return cls(weights[:, : len(val)], weights[:, len(val) :], drawn.method)

    def of_part(self, part: str) -> Weights:
        """Weights of `val` or `test`."""
        return {"val": self.val, "test": self.test}[part]

    def measured(self, values: Reals, n: int) -> Measured:
        """A statistic that was computed for every row, shape (B + 1,)."""
        return Measured(float(values[0]), values[1:], n, self.method)


def shares(labels: np.ndarray, weights: Weights, k: int) -> Reals:
    """Share of each class in each replicate, (B, k); rows sum to 1."""
    counts = class_sums(np.ones(len(labels)), labels, weights, k)
    result: Reals = counts / counts.sum(axis=1, keepdims=True)
    return result


def recalls(right: np.ndarray, labels: np.ndarray, weights: Weights, k: int) -> Reals:
    """Weighted mean of `right` in each class in each replicate, (B, k); NaN where a class has no weight."""
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Reals = class_sums(right, labels, weights, k) / class_sums(np.ones(len(labels)), labels, weights, k)
    return result


def class_sums(values: np.ndarray, labels: np.ndarray, weights: Weights, k: int) -> Reals:
    """Weighted sums of the images' values by class, (B, k)."""
    columns = np.zeros((len(labels), k), dtype=np.float64)
    columns[np.arange(len(labels)), labels] = values
    return weighted_sums(columns, weights)


def weighted_sums(columns: Reals, weights: Weights) -> Reals:
    """Sums of columns (n, c) in each replicate, (B, c).

    In float64: where weights are no whole numbers, a float32 product differs by 1e-7 from processor to processor, and
    verdicts are read off the ends of intervals. Some replicates at a time, since weights are kept in float32.
    """
    sums = np.empty((len(weights), columns.shape[1]))
    for start in range(0, len(weights), ROWS):
        some = slice(start, start + ROWS)
        sums[some] = weights[some].astype(np.float64) @ columns
    return sums


def weighted_mean(values: np.ndarray, weights: Weights) -> Reals:
    """Weighted mean over the images in each replicate, (B,)."""
    sums = weighted_sums(np.asarray(values, dtype=np.float64)[:, None], weights)[:, 0]
    result: Reals = sums / weights.sum(axis=1, dtype=np.float64)
    return result
