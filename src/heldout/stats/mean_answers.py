"""Several networks that answer as one: the mean of their probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_softmax, logsumexp


def mean_logits(logits: NDArray[np.floating], one_class: bool = True) -> NDArray[np.float32]:
    """Logits whose probabilities are the mean of those of the networks, (n, k) float32.

    Args:
        logits: (m, n, k), of m networks.
        one_class: Whether an image has one class, so that probabilities are a softmax; else each is a sigmoid.

    >>> mean_logits(np.array([[[0.0, 0.0]], [[0.0, 0.0]]])).round(3).tolist()
    [[-0.693, -0.693]]
    """
    values = np.asarray(logits, dtype=np.float64)
    count = np.log(len(values))
    if one_class:
        mean: NDArray[np.float64] = logsumexp(log_softmax(values, axis=2), axis=0) - count
        return mean.astype(np.float32)
    yes = logsumexp(log_expit(values), axis=0) - count
    no = logsumexp(log_expit(-values), axis=0) - count
    return np.asarray(yes - no, dtype=np.float32)


def mean_probabilities(logits: NDArray[np.floating], one_class: bool = True) -> NDArray[np.float64]:
    """The mean of the networks' probabilities, (n, k), from their logits (m, n, k)."""
    mean = mean_logits(logits, one_class).astype(np.float64)
    found: NDArray[np.float64] = np.exp(mean) if one_class else expit(mean)
    return found
