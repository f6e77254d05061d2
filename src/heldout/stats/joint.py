"""The one bootstrap that comparison and diagnosis share: patients of validation and test drawn together.

Every number of a run that stands for a population is computed on the same draws, whoever asks, so that it has one
interval, and so that the terms of a gap sum to the gap in every replicate. The metric is applied here and nowhere else:
it is in the weights of the images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import Resamples, draw
from heldout.stats.measured import Measured, never_certain
from heldout.stats.metric import ClassWeights
from heldout.stats.scores import Indices, Reals
from heldout.stats.weights import Weights

HELD_OUT, TRAINING = 3, 29
"""What stands beside the seed, so that validation with test and training images are drawn independently."""


@dataclass(frozen=True)
class JointBootstrap:
    """How often every validation and test image counts in each of B replicates.

    Attributes:
        drawn: The draws of both parts' units; validation images first, then test images.
        n_val: Number of validation images.
        labels: Class of each image, validation first, then test; None where only draws are wanted.
        metric: What the classes' recalls count; None for accuracy.
    """

    drawn: Resamples
    n_val: int
    labels: Indices | None = None
    metric: ClassWeights | None = None

    @classmethod
    def of(
        cls,
        val: Predictions,
        test: Predictions | None,
        replicates: int,
        seed: int,
        metric: ClassWeights | None = None,
    ) -> JointBootstrap:
        """Draw patients with replacement within strata of part and class, validation and test jointly.

        A patient with images in both parts is one unit: it is drawn with all of them, or not at all.

        Args:
            val: Validation.
            test: Test; None where there is none.
            replicates: B.
            seed: Seed of the draw.
            metric: What the classes' recalls count; None for accuracy. The draws do not depend on it.
        """
        k = val.logits.shape[1]
        parts = (val,) if test is None else (val, test)
        labels = np.concatenate([side.labels + k * place for place, side in enumerate(parts)])  # a stratum each
        ids = [f"{side.part} {id_}" for side in parts for id_ in side.ids]
        patients = [patient for side in parts for patient in side.patients]
        drawn = draw(labels, ids, patients, replicates=replicates, seed=(seed, HELD_OUT))
        drawn = replace(drawn, part=drawn.units.stratum // k)
        return cls(drawn, len(val), np.concatenate([side.labels for side in parts]), metric)

    @property
    def plain(self) -> bool:
        """Whether the metric is accuracy: every image counts as often as it was drawn."""
        return self.metric is None or self.metric.plain

    @cached_property
    def val(self) -> Weights:
        """Weights of the validation images by the metric, (B + 1, n_V): row 0 is the sample itself."""
        return self._weights("val")

    @cached_property
    def test(self) -> Weights:
        """Weights of the test images, (B + 1, n_T), likewise."""
        return self._weights("test")

    @cached_property
    def drawn_val(self) -> Weights:
        """How often each validation image counts before the metric, (B + 1, n_V): row 0 is the sample, all ones."""
        return self._drawn(self._rows("val"))

    @cached_property
    def drawn_test(self) -> Weights:
        """How often each test image counts before the metric, (B + 1, n_T), likewise."""
        return self._drawn(self._rows("test"))

    def weigh(self, labels: Indices, drawn: Weights) -> Weights:
        """Weights of any images by the metric, (B + 1, n), from how often each was drawn."""
        return drawn if self.metric is None else self.metric.weigh(labels, drawn)

    def _rows(self, part: str) -> Indices:
        all_of_them = np.arange(len(self.drawn.units.unit))
        return {"val": all_of_them[: self.n_val], "test": all_of_them[self.n_val :]}[part]

    def _drawn(self, rows: Indices) -> Weights:
        counts = self.drawn.counts[self.drawn.units.unit[rows]].T
        return np.concatenate([np.ones((1, len(rows)), dtype=counts.dtype), counts])

    def _weights(self, part: str) -> Weights:
        drawn = {"val": self.drawn_val, "test": self.drawn_test}[part]
        if self.plain:
            return drawn
        assert self.labels is not None
        return self.weigh(self.labels[self._rows(part)], drawn)

    @property
    def method(self) -> str:
        """How replicates were made, for the record."""
        return self.drawn.method

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
        return Measured(value, values[1:], n, self.method, self.drawn.few)

    def gap(self, val_right: NDArray[np.bool_], test_right: NDArray[np.bool_]) -> Measured:
        """Validation minus test in points of the metric.

        Args:
            val_right: Which validation images are right, shape (n_V,).
            test_right: Likewise of test, shape (n_T,).
        """
        val, test = self.accuracies(val_right, test_right)
        return self.measured(100 * (val - test), len(val_right) + len(test_right))

    def accuracies(self, val_right: NDArray[np.bool_], test_right: NDArray[np.bool_]) -> tuple[Reals, Reals]:
        """The metric on validation and on test, each (B + 1,), row 0 the sample; without weights of single images."""
        if not self.plain:
            return self.score("val", val_right), self.score("test", test_right)
        one, none = np.ones(len(val_right), dtype=bool), np.zeros(len(val_right), dtype=bool)
        other, nothing = np.ones(len(test_right), dtype=bool), np.zeros(len(test_right), dtype=bool)
        rows = [(val_right, nothing), (one, nothing), (none, test_right), (none, other)]
        sums = self.drawn.totals(np.stack([np.concatenate(row) for row in rows]))  # (4, B)
        val = np.concatenate([[val_right.mean()], sums[0] / sums[1]])
        test = np.concatenate([[test_right.mean()], sums[2] / sums[3]])
        return val, test

    def score(self, part: str, right: NDArray[np.bool_] | Reals) -> Reals:
        """The metric of one part, (B + 1,), row 0 the sample.

        Args:
            part: `val` or `test`.
            right: (n,) which images are right, or the difference of two runs there.
        """
        assert self.labels is not None
        metric = self.metric or ClassWeights(np.ones(int(self.labels.max(initial=0)) + 1), None)
        return metric.means(np.asarray(right, dtype=np.float64), self.labels[self._rows(part)], self.resamples(part))


def draw_training(train: Predictions, replicates: int, seed: int) -> Resamples:
    """The draws of training images, on which nothing is paired with validation or test."""
    return draw(train.labels, train.ids, train.patients, replicates=replicates, seed=(seed, TRAINING))


def training_accuracy(train: Predictions, replicates: int, seed: int, metric: ClassWeights | None = None) -> Measured:
    """The metric on training images, scored again as test images are, in points; never certain.

    Args:
        train: The training images.
        replicates: B.
        seed: Seed of the draw.
        metric: What the classes' recalls count; None for accuracy.
    """
    drawn = draw_training(train, replicates, seed)
    if metric is None or metric.plain:
        right, drawn_images = drawn.totals(np.stack([train.right, np.ones(len(train), dtype=bool)]))
        value, drawn_values = 100 * float(train.right.mean()), 100 * right / drawn_images
    else:
        values = 100 * metric.means(train.right.astype(np.float64), train.labels, drawn)
        value, drawn_values = float(values[0]), values[1:]
    return never_certain(Measured(value, drawn_values, len(train), drawn.method, drawn.few), len(drawn.units))
