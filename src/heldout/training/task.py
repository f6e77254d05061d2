"""What a strategy is given: training and validation images, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from heldout.records.labelling import LabellingName
from heldout.training.objectives import OBJECTIVES, Objective


@dataclass(frozen=True)
class Rows:
    """Some rows of a larger array, which are read when they are asked for: a fold of images that are mapped from disk.

    Attributes:
        whole: (m, …).
        rows: (n,) which of its rows, in this order.
    """

    whole: NDArray[Any]
    rows: NDArray[np.int64]

    @property
    def base(self) -> NDArray[Any]:
        """What they are rows of, as of any part of an array."""
        return self.whole

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the rows as one array."""
        return (len(self.rows), *self.whole.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self.whole.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.whole.ndim

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: Any) -> NDArray[Any]:
        return np.asarray(self.whole[self.rows[which]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.whole[self.rows], dtype=dtype)


def rows_of(whole: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """The same, typed as the array that it stands for: it can be indexed by rows, and converted."""
    return cast(NDArray[Any], Rows(whole, rows))


@dataclass(frozen=True)
class Part:
    """Images with labels.

    Attributes:
        ids: n names.
        pixels: (n, s, s, c), uint8 or floats in 0 … 1; c = 1 or 3, or as many as the network takes; may be
            memory-mapped.
        labels: (n,) int64 class indices; of several labels an image (n, k) of 0 and 1.
    """

    ids: tuple[str, ...]
    pixels: NDArray[Any]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.pixels) == len(self.labels):
            raise ValueError(
                f"lengths differ: {len(self.ids)} ids, {len(self.pixels)} images, {len(self.labels)} labels"
            )
        if self.pixels.ndim != 4 or not (self.pixels.dtype == np.uint8 or self.pixels.dtype.kind == "f"):
            found = f"{self.pixels.dtype} {self.pixels.shape}"
            raise ValueError(f"images are uint8, or floats in 0 … 1, (n, s, s, c); found {found}")

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
