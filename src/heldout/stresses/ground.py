"""How far images of one class differ among themselves: the yardstick of what differs between sites."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


def spread_within(values: Reals, labels: NDArray[np.int64]) -> float:
    """Standard deviation within classes, pooled; 0 where no class has two images.

    Args:
        values: (n,) a measured property.
        labels: (n,) class of each image.

    >>> round(spread_within(np.array([1.0, 3.0, 11.0, 13.0, 99.0]), np.array([0, 0, 1, 1, 2])), 4)
    1.4142
    """
    images = np.bincount(labels)
    means = np.bincount(labels, weights=values) / np.maximum(images, 1)
    free = int((images - 1).clip(0).sum())
    return float(np.sqrt(((values - means[labels]) ** 2).sum() / free)) if free else 0.0
