"""One part of a split as a run sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heldout.stats.scores import Indices, Reals
from heldout.ties import first_of_largest


@dataclass(frozen=True)
class Side:
    """Images of one part with their labels and what a run made of them.

    Attributes:
        name: `train`, `val` or `test`.
        ids: Names of the images, n of them.
        labels: Class indices, shape (n,).
        logits: Shape (n, k).
        patients: Patient of each image, empty where not known.
    """

    name: str
    ids: tuple[str, ...]
    labels: Indices
    logits: Reals
    patients: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.labels) == len(self.logits) == len(self.patients):
            lengths = (len(self.ids), len(self.labels), len(self.logits), len(self.patients))
            raise ValueError(f"expected as many ids, labels, logits and patients, found {lengths}")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def predicted(self) -> Indices:
        """Class with the largest logit, of equals the first; shape (n,)."""
        return first_of_largest(self.logits, axis=1)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Which images are right, shape (n,)."""
        hit: NDArray[np.bool_] = self.predicted == self.labels
        return hit

    @cached_property
    def units(self) -> Indices:
        """Number of the patient of each image, an image without one being a unit of its own; shape (n,)."""
        names = [f"patient {p}" if p else f"image {i}" for p, i in zip(self.patients, self.ids, strict=True)]
        _, unit = np.unique(np.array(names, dtype=str), return_inverse=True)
        return unit.astype(np.int64)

    def counts(self) -> Indices:
        """Images of each class, shape (k,)."""
        found: Indices = np.bincount(self.labels, minlength=self.logits.shape[1])
        return found

    def take(self, rows: Indices | NDArray[np.bool_]) -> Side:
        """Some of the images."""
        index = np.arange(len(self))[rows]
        return Side(
            self.name,
            tuple(self.ids[i] for i in index),
            self.labels[index],
            self.logits[index],
            tuple(self.patients[i] for i in index),
        )

    def with_logits(self, logits: Reals) -> Side:
        """The same images as another network, or the same after an intervention, sees them."""
        return replace(self, logits=logits)
