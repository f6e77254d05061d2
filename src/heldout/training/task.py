"""What a strategy is given: training and validation images, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heldout.records.labelling import LabellingName
from heldout.training.objectives import OBJECTIVES, Objective


@dataclass(frozen=True)
class Part:
    """Images with labels.

    Attributes:
        ids: n names.
        pixels: (n, s, s, c) uint8 with c = 1 or 3; may be memory-mapped.
        labels: (n,) int64 class indices; of several labels an image (n, k) of 0 and 1.
    """

    ids: tuple[str, ...]
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.pixels) == len(self.labels):
            raise ValueError(
                f"lengths differ: {len(self.ids)} ids, {len(self.pixels)} images, {len(self.labels)} labels"
            )
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 4 or self.pixels.shape[3] not in (1, 3):
            raise ValueError(f"images are uint8 (n, s, s, 1 or 3), found {self.pixels.dtype} {self.pixels.shape}")

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Task:
    """Everything that may be learned from and chosen by. The held-out test images are not in it, by design.

    Attributes:
        train: Images to learn from.
        val: Images to choose by.
        classes: Names of classes, or of labels, in the order of their indices.
        labels: Whether an image is of one class or has several labels.
    """

    train: Part
    val: Part
    classes: tuple[str, ...]
    labels: LabellingName = "single"

    @property
    def objective(self) -> Objective:
        """What the network is trained for."""
        return OBJECTIVES[self.labels]
