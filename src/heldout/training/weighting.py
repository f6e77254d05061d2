"""Classes of unequal size: what an image weighs in the loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heldout.strategies.strategy import ClassWeights


def class_weights(labels: NDArray[np.int64], classes: int, kind: ClassWeights) -> NDArray[np.float32] | None:
    """Weight of each class, (k,), or None where all weigh the same.

    `balanced` is n / (k · n of the class), so that the weights of all images have mean 1.

    >>> class_weights(np.array([0, 0, 0, 1]), 2, "balanced").round(3).tolist()
    [0.667, 2.0]
    """
    if kind == "none":
        return None
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    weights: NDArray[np.float32] = (len(labels) / (classes * counts)).astype(np.float32)
    return weights
