"""What the trainer asks of an objective, so that loop and solvers are the same for one class and for several labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from heldout.backbones.neighbours import Neighbours
from heldout.strategies.strategy import ClassWeights
from heldout.training.logistic import LinearHead

Labels = NDArray[np.int64]


class Objective(ABC):
    """Loss, answers and solved heads.

    Shapes: n images, k logits each; labels are (n,) class indices or (n, k) of 0 and 1, as the objective has it.
    """

    @abstractmethod
    def weights(self, labels: Labels, classes: int, kind: ClassWeights) -> NDArray[np.float32] | None:
        """What `loss` takes as weight, (k,), from training labels; None where everything weighs the same."""

    @abstractmethod
    def loss(self, logits: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
        """Mean loss of a batch in nats, a scalar."""

    @abstractmethod
    def right(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Number of right answers in a batch, a scalar; of several labels an image counts by its share of them."""

    @abstractmethod
    def scored(self, logits: NDArray[np.float32], labels: Labels) -> tuple[float, NDArray[np.int16]]:
        """Mean loss in nats without weights, and the answers, of the shape of the labels."""

    @abstractmethod
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
        """The head at its optimum on fixed features, as `logistic.solve_head`."""

    @abstractmethod
    def neighbours(self, features: torch.Tensor, labels: torch.Tensor, k: int, classes: int) -> Neighbours:
        """The head in which the k nearest training images vote."""
