"""How good predictions are: pure functions of labels, predicted classes and logits.

Shapes: n images, k classes. `labels` and `predicted` are class indices, shape (n,); `logits` has shape (n, k).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from heldout.ties import SAME_SCORE, levels

Indices = NDArray[np.int64]
Reals = NDArray[np.float64]


def accuracy(labels: Indices, predicted: Indices) -> float:
    """Share of images whose predicted class is their label, in [0, 1].

    >>> accuracy(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
    0.75
    """
    return float(np.mean(labels == predicted))


def confusion(labels: Indices, predicted: Indices, k: int) -> Indices:
    """Counts, shape (k, k): row = label, column = predicted class.

    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    counts: Indices = np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k)
    return counts


def recalls(labels: Indices, predicted: Indices, k: int) -> tuple[float | None, ...]:
    """Share of each class's images that are recognised; None for a class without images.

    >>> recalls(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    (0.5, 1.0, None)
    """
    counts = confusion(labels, predicted, k)
    return tuple(float(counts[c, c] / counts[c].sum()) if counts[c].any() else None for c in range(k))


def log_loss(labels: Indices, logits: Reals) -> float:
    """Mean cross-entropy in nats. Taken from logits, so that a sure mistake costs what it costs instead of infinity.

    >>> round(log_loss(np.array([0]), np.array([[0.0, 0.0]])), 4)
    0.6931
    """
    chosen = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]  # (n,)
    return float(np.mean(logsumexp(logits, axis=1) - chosen))


def softmax(logits: NDArray[np.floating]) -> Reals:
    """Probabilities (n, k) of logits (n, k), in float64; rows sum to 1.

    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    exact = np.asarray(logits, dtype=np.float64)
    exponentials = np.exp(exact - exact.max(axis=1, keepdims=True))
    probabilities: Reals = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def log_odds(logits: Reals) -> Reals:
    """The log-odds of each class against all others, shape (n, k): z_c − log Σ_{j≠c} exp z_j.

    It orders images as the softmax probability does, but without its ties: a probability rounds to 1 from about 37 nats
    of log-odds on.
    """
    k = logits.shape[1]
    others = np.stack([logsumexp(np.delete(logits, c, axis=1), axis=1) for c in range(k)], axis=1)  # (n, k)
    odds: Reals = logits - others
    return odds


def auc_binary(positive: NDArray[np.bool_], score: Reals) -> float | None:
    """Probability that a random positive image scores higher than a random negative one; a tie counts one half.

    The Mann-Whitney statistic by ranks (Hanley & McNeil 1982). None when there is no positive or no negative image.

    >>> auc_binary(np.array([True, True, False]), np.array([3.0, 1.0, 1.0]))
    0.75
    """
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return None
    level = levels(score)
    counts = np.bincount(level)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[level]  # from 1; those of a tie share their mean
    u = float(ranks[positive].sum()) - n_positive * (n_positive + 1) / 2
    return u / (n_positive * n_negative)


def auc(labels: Indices, logits: Reals) -> float | None:
    """Area under the ROC curve: of class 1 for two classes, the mean over classes one-against-rest for more.

    The unweighted ("macro") mean, so that a rare class counts like a common one. None when a class is absent.
    """
    values = []
    for positive, score in auc_problems(labels, logits):
        value = auc_binary(positive, score)
        if value is None:
            return None
        values.append(value)
    return float(np.mean(values))


def auc_problems(labels: Indices, logits: Reals) -> list[tuple[NDArray[np.bool_], Reals]]:
    """The binary questions whose AUCs are averaged, as (positive, score): one for two classes, else one a class.

    Scores are numbers of levels: what float32 logits do not tell apart is tied.
    """
    k = logits.shape[1]
    tolerance = SAME_SCORE * float(np.abs(logits).max(initial=0.0, where=np.isfinite(logits)))

    def told_apart(score: Reals) -> Reals:
        return levels(score, tolerance).astype(np.float64)

    if k == 2:
        return [(labels == 1, told_apart(logits[:, 1] - logits[:, 0]))]
    odds = log_odds(logits)
    return [(labels == c, told_apart(odds[:, c])) for c in range(k)]
