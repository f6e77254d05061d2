"""The metric as numbers: how much each class's recall counts, whoever is drawn.

Any weighted mean of recalls, M = Σ_k w_k recall_k, is the weighted share of right images if every image of class k
counts w_k / n_k. So the metric is applied once, to the weights of the images in each replicate; sums, shares and means
of weighted images then follow it without knowing it.

Shapes: n images, k classes, B weightings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heldout.records.metric import Metric
from heldout.stats.bootstrap import Resamples
from heldout.stats.scores import Indices, Reals
from heldout.stats.weighted import class_sums
from heldout.stats.weights import Weights


@dataclass(frozen=True, eq=False)
class ClassWeights:
    """What the recall of each class counts.

    Attributes:
        costs: (k,) not negative: what missing an image of the class costs.
        shares: (k,) shares that the classes are taken to have, whatever they are in a part; None where each part, in
            each replicate, has its own.
    """

    costs: Reals
    shares: Reals | None

    @classmethod
    def of(cls, metric: Metric, classes: Sequence[str]) -> ClassWeights:
        """The weights of a metric.

        Args:
            metric: The metric; its costs name all classes.
            classes: Names of the classes, in the order of their indices.
        """
        ones = np.ones(len(classes))
        if metric.name == "accuracy":
            return cls(ones, None)
        if metric.name == "balanced-accuracy":
            return cls(ones, ones / len(classes))
        costs = np.array([metric.costs[name] for name in classes], dtype=np.float64)
        shares = np.array([metric.shares[name] for name in classes], dtype=np.float64) if metric.shares else None
        return cls(costs / costs.max(), shares)

    @property
    def plain(self) -> bool:
        """Whether every image counts alike: accuracy, or equal costs at the parts' own shares."""
        return self.shares is None and bool((self.costs == 1.0).all())

    @property
    def fixed(self) -> bool:
        """Whether a class counts the same in every part that has it, whatever its share there."""
        return self.shares is not None

    def of_classes(self, images: Reals) -> Reals:
        """What each recall counts, (B, k), rows sum to 1; 0 for a class without images.

        Args:
            images: Weight of the images of each class, (B, k); what is not above 0 counts as none.

        >>> balanced = ClassWeights.of(Metric("balanced-accuracy"), ["a", "b", "c"])
        >>> balanced.of_classes(np.array([[8.0, 2.0, 0.0]])).tolist()
        [[0.5, 0.5, 0.0]]
        """
        there = images > 0
        counts = np.where(there, self.costs * (images if self.shares is None else self.shares), 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            weights: Reals = counts / counts.sum(axis=1, keepdims=True)
        return weights

    def weigh(self, labels: Indices, drawn: Weights) -> Weights:
        """Weights of images (B, n) from how often each was drawn: their weighted mean is the metric.

        Rows sum to what they did. Accuracy leaves them as they are.

        Args:
            labels: (n,) class of each image.
            drawn: (B, n).
        """
        if self.plain:
            return drawn
        images = class_sums(np.ones(len(labels)), labels, drawn, len(self.costs))
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.where(images > 0, self.of_classes(images) * images.sum(axis=1, keepdims=True) / images, 0.0)
        weighed: Weights = drawn * each[:, labels]  # float64: terms that are 0 on paper stay so to the 13th digit
        return weighed

    def means(self, values: Reals, labels: Indices, resamples: Resamples) -> Reals:
        """The metric of values in place of right answers, on the sample (row 0) and in each replicate, (B + 1,).

        Without weights of single images, so that many images cost little.

        Args:
            values: (n,) 1 where an image is right, or the difference of two runs there.
            labels: (n,) class of each image.
            resamples: The draws of these images.
        """
        own = labels[None, :] == np.arange(len(self.costs))[:, None]  # (k, n)
        rows = np.concatenate([own * np.asarray(values, dtype=np.float64), own.astype(np.float64)])
        sums = np.concatenate([rows.sum(axis=1)[:, None], resamples.totals(rows)], axis=1).T  # (B + 1, 2k)
        hits, images = np.split(sums, 2, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls = np.where(images > 0, hits / images, 0.0)
        result: Reals = (self.of_classes(images) * recalls).sum(axis=1)
        return result


def plain(k: int) -> ClassWeights:
    """Accuracy of k classes."""
    return ClassWeights(np.ones(k), None)
