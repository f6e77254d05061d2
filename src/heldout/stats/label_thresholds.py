"""Where the line of each of several labels is drawn: one threshold a label, set on validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heldout.stats.scores import Indices, Reals
from heldout.ties import SAME_SCORE, first_of_largest, levels

AS_TRAINED = 0.0
"""The logit of a probability of one half: where the line stays if validation has no image with the label, or none
without it."""


def label_thresholds(labels: Indices, logits: Reals) -> Reals:
    """The logit of each label from which on it is answered, (k,), on validation images.

    It is the cut with the largest sum of sensitivity and specificity (Youden, Index for rating diagnostic tests, Cancer
    1950), half-way between the two scores it parts: unlike the best accuracy it does not give a rare label up, and
    unlike the best F1 it does not hang on how rare the label is. Of equal cuts the lowest, which misses least.

    Args:
        labels: 1 where an image has a label, (n, k).
        logits: (n, k).

    >>> label_thresholds(np.array([[0], [0], [1]]), np.array([[-3.0], [-1.0], [2.0]])).tolist()
    [0.5]
    """
    found = [_best_cut(labels[:, c] == 1, logits[:, c]) for c in range(labels.shape[1])]
    return np.array(found, dtype=np.float64)


def cuts_of(scores: Reals) -> Reals:
    """Every cut between neighbouring scores, ascending, (c,); none where all scores are equal."""
    exact = np.asarray(scores, dtype=np.float64)
    level = levels(exact, SAME_SCORE * float(np.abs(exact).max(initial=0.0)))
    lowest = np.full(int(level.max(initial=-1)) + 1, np.inf)
    highest = np.full(len(lowest), -np.inf)
    np.minimum.at(lowest, level, exact)
    np.maximum.at(highest, level, exact)
    middles: Reals = (highest[:-1] + lowest[1:]) / 2
    return middles


def _best_cut(positive: NDArray[np.bool_], scores: Reals) -> float:
    exact, cuts = np.asarray(scores, dtype=np.float64), cuts_of(scores)
    if not len(cuts) or positive.all() or not positive.any():
        return AS_TRAINED
    with_label, without = np.sort(exact[positive]), np.sort(exact[~positive])
    sensitivity = 1 - np.searchsorted(with_label, cuts) / len(with_label)
    specificity = np.searchsorted(without, cuts) / len(without)
    return float(cuts[first_of_largest(sensitivity + specificity)])
