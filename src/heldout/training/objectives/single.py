"""One class an image: softmax with cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812  (the field's name for it)

from heldout.backbones.neighbours import Neighbours
from heldout.strategies.strategy import ClassWeights
from heldout.training.logistic import LinearHead, solve_head
from heldout.training.objectives.objective import Labels, Objective
from heldout.training.predict import scored
from heldout.training.weighting import class_weights


class OneClass(Objective):
    """The class with the largest logit is the answer; labels are (n,) class indices."""

    def weights(self, labels: Labels, classes: int, kind: ClassWeights) -> NDArray[np.float32] | None:
        """What an image of each class weighs."""
        return class_weights(labels, classes, kind)

    def loss(self, logits: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
        """Cross-entropy."""
        return F.cross_entropy(logits, labels, weight)

    def right(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Images whose largest logit is that of their class."""
        return (logits.argmax(1) == labels).sum()

    def scored(self, logits: NDArray[np.float32], labels: Labels) -> tuple[float, NDArray[np.int16]]:
        """Cross-entropy, and the classes predicted (n,)."""
        return scored(logits, labels)

    def solve_head(
        self,
        train: NDArray[np.float32],
        train_labels: Labels,
        val: NDArray[np.float32],
        val_labels: Labels,
        classes: int,
        strengths: Sequence[float],
        weights: ClassWeights = "none",
    ) -> LinearHead:
        """Multinomial logistic regression."""
        return solve_head(train, train_labels, val, val_labels, classes, strengths, weights)

    def neighbours(self, features: torch.Tensor, labels: torch.Tensor, k: int, classes: int) -> Neighbours:
        """Votes for a class."""
        return Neighbours.of(features, labels, k, classes)
