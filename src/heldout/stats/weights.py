"""How much images count, in many replicates at once.

Shapes: n images, k classes, B weightings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heldout.stats.scores import Indices, Reals

Weights = NDArray[np.uint8] | NDArray[np.floating[Any]]
"""How much each image counts: a byte where that is how often it was drawn, float64 where a metric weighs it too. Bytes
wrap round, so that what is computed of them is of another type (`real`)."""


def real(weights: Weights) -> np.dtype[np.floating[Any]]:
    """The type for what weights become once they are no whole numbers any more: float32, or what they are."""
    return np.result_type(weights.dtype, np.float32)


@dataclass(frozen=True)
class ByClass:
    """Weights times a factor of their class, made when some rows are asked for: of a million images all are gigabytes.

    Attributes:
        weights: (B, n).
        factors: (B, k).
        labels: (n,) class of each image.
        times: (n,) what each image counts besides; None for 1.
    """

    weights: Weights
    factors: Reals
    labels: Indices
    times: Reals | None = None

    def __len__(self) -> int:
        """The number of weightings."""
        return len(self.weights)

    def __getitem__(self, rows: slice) -> Weights:
        """Some weightings, (R, n)."""
        made = self.weights[rows] * self.factors[rows][:, self.labels]
        if self.times is not None:
            made *= self.times
        found: Weights = made.astype(real(self.weights))
        return found

    def take(self, images: Indices, times: Reals) -> ByClass:
        """Those of some images, (m,), each of which counts so many times."""
        return ByClass(self.weights[:, images], self.factors, self.labels[images], times)


Weightings = Weights | ByClass
"""What some rows at a time are asked of."""
