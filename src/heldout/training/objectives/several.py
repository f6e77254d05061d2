"""Several labels an image: a sigmoid a label, with binary cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812  (the field's name for it)

from heldout.backbones.label_neighbours import LabelNeighbours
from heldout.backbones.neighbours import Neighbours
from heldout.strategies.strategy import ClassWeights
from heldout.training.label_logistic import solve_labels
from heldout.training.logistic import LinearHead
from heldout.training.objectives.objective import Labels, Objective


class SeveralLabels(Objective):
    """A label is answered where its logit is above 0; labels are (n, k) of 0 and 1.

    The loss is the mean over labels and images. While training an answer is cut at 0, whatever the threshold that is
    set on validation in the end.
    """

    def weights(self, labels: Labels, classes: int, kind: ClassWeights) -> NDArray[np.float32] | None:
        """What an image with a label weighs against one without: `balanced`, as many as there are without for one."""
        return positive_weights(labels) if kind == "balanced" else None

    def loss(self, logits: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
        """Binary cross-entropy."""
        return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), pos_weight=weight)

    def right(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Sum over images of the share of their labels that is right."""
        return ((logits > 0) == (labels > 0)).float().mean(1).sum()

    def scored(self, logits: NDArray[np.float32], labels: Labels) -> tuple[float, NDArray[np.int16]]:
        """Binary cross-entropy, and 1 for each label that is answered, (n, k)."""
        loss = self.loss(torch.from_numpy(np.array(logits)), torch.from_numpy(np.array(labels)), None)
        return float(loss), (logits > 0).astype(np.int16)

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
        """One logistic regression a label."""
        return solve_labels(train, train_labels, val, val_labels, strengths, weights)

    def neighbours(self, features: torch.Tensor, labels: torch.Tensor, k: int, classes: int) -> Neighbours:
        """Votes for and against each label."""
        return LabelNeighbours.of(features, labels, k, classes)


def positive_weights(labels: Labels) -> NDArray[np.float32]:
    """Images without each label for one with it, (k,): both sides of a label then weigh the same in the loss.

    >>> positive_weights(np.array([[1, 0], [0, 0], [0, 1], [0, 1]])).tolist()
    [3.0, 1.0]
    """
    have = labels.sum(axis=0)
    weights: NDArray[np.float32] = ((len(labels) - have) / np.maximum(have, 1)).astype(np.float32)
    return weights
