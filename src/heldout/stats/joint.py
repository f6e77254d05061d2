"""The one bootstrap that comparison and diagnosis share: patients of validation and test drawn together.

Every number of a run that stands for a population is computed on the same draws, whoever asks, so that it has one
interval, and so that the terms of a gap sum to the gap in every replicate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import Resamples, draw
from heldout.stats.few import spread, spread_factor, spread_words
from heldout.stats.measured import Measured, never_certain
from heldout.stats.scores import Reals
from heldout.stats.thresholds import Weights
from heldout.stats.units import Units

HELD_OUT, TRAINING = 3, 29
"""What stands beside the seed, so that validation with test and training images are drawn independently."""


@dataclass(frozen=True)
class JointBootstrap:
    """How often every validation and test image counts in each of B replicates.

    Attributes:
        drawn: The draws of both parts' units; validation images first, then test images.
        n_val: Number of validation images.
        factor: How far replicates are spread where patients are few (`few.spread_factor`): that of the part with the
            fewer patients, one factor for all numbers, so that terms still sum to their gap.
    """

    drawn: Resamples
    n_val: int
    factor: float

    @classmethod
    def of(cls, val: Predictions, test: Predictions | None, replicates: int, seed: int) -> JointBootstrap:
        """Draw patients with replacement within strata of part and class, validation and test jointly.

        A patient with images in both parts is one unit: it is drawn with all of them, or not at all.

        Args:
            val: Validation.
            test: Test; None where there is none.
            replicates: B.
            seed: Seed of the draw.
        """
        k = val.logits.shape[1]
        parts = (val,) if test is None else (val, test)
        labels = np.concatenate([side.labels + k * place for place, side in enumerate(parts)])  # a stratum each
        ids = [f"{side.part} {id_}" for side in parts for id_ in side.ids]
        patients = [patient for side in parts for patient in side.patients]
        drawn = draw(labels, ids, patients, replicates=replicates, seed=(seed, HELD_OUT))
        factor = max(spread_factor(Units.of(side.labels, side.ids, side.patients)) for side in parts)
        return cls(drawn, len(val), factor)

    @cached_property
    def val(self) -> Weights:
        """Weights of the validation images, (B + 1, n_V): row 0 is the sample itself, all ones."""
        return self._weights(np.arange(self.n_val))

    @cached_property
    def test(self) -> Weights:
        """Weights of the test images, (B + 1, n_T), likewise."""
        return self._weights(np.arange(self.n_val, len(self.drawn.units.unit)))

    def _weights(self, rows: NDArray[np.int64]) -> Weights:
        counts = self.drawn.counts[self.drawn.units.unit[rows]].T
        return np.concatenate([np.ones((1, len(rows)), dtype=np.float32), counts])

    @property
    def method(self) -> str:
        """How replicates were made, for the record."""
        return self.drawn.method + spread_words(self.factor)

    def of_part(self, part: str) -> Weights:
        """Weights of `val` or `test`."""
        return {"val": self.val, "test": self.test}[part]

    def resamples(self, part: str) -> Resamples:
        """The draws of one part's units."""
        held_out = np.arange(len(self.drawn.units.unit)) < self.n_val
        return self.drawn.take({"val": held_out, "test": ~held_out}[part])

    def measured(self, values: Reals, n: int) -> Measured:
        """A statistic that was computed for every row, shape (B + 1,)."""
        value = float(values[0])
        return Measured(value, spread(value, values[1:], self.factor), n, self.method)

    def gap(self, val_right: NDArray[np.bool_], test_right: NDArray[np.bool_]) -> Measured:
        """Validation minus test accuracy in points.

        Args:
            val_right: Which validation images are right, shape (n_V,).
            test_right: Likewise of test, shape (n_T,).
        """
        val, test = self.accuracies(val_right, test_right)
        return self.measured(100 * (val - test), len(val_right) + len(test_right))

    def accuracies(self, val_right: NDArray[np.bool_], test_right: NDArray[np.bool_]) -> tuple[Reals, Reals]:
        """Accuracy on validation and on test, each (B + 1,), row 0 the sample; without weights of single images."""
        one, none = np.ones(len(val_right), dtype=bool), np.zeros(len(val_right), dtype=bool)
        other, nothing = np.ones(len(test_right), dtype=bool), np.zeros(len(test_right), dtype=bool)
        rows = [(val_right, nothing), (one, nothing), (none, test_right), (none, other)]
        sums = self.drawn.totals(np.stack([np.concatenate(row) for row in rows]))  # (4, B)
        val = np.concatenate([[val_right.mean()], sums[0] / sums[1]])
        test = np.concatenate([[test_right.mean()], sums[2] / sums[3]])
        return val, test


def draw_training(train: Predictions, replicates: int, seed: int) -> Resamples:
    """The draws of training images, on which nothing is paired with validation or test."""
    return draw(train.labels, train.ids, train.patients, replicates=replicates, seed=(seed, TRAINING))


def training_accuracy(train: Predictions, replicates: int, seed: int) -> Measured:
    """Accuracy on training images, scored again as test images are, in points; never certain."""
    drawn = draw_training(train, replicates, seed)
    right, drawn_images = drawn.totals(np.stack([train.right, np.ones(len(train), dtype=bool)]))
    value = 100 * float(train.right.mean())
    replicates_ = spread(value, 100 * right / drawn_images, spread_factor(drawn.units))
    return never_certain(Measured(value, replicates_, len(train), drawn.method), len(drawn.units))
