"""Small linear classifiers: fitted on some images, scored on others."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from heldout.diagnosis.interventions.context import Features, Indices, Logits
from heldout.stats.thresholds import folds_of
from heldout.training.logistic import ROWS, moments

FOLDS = 5
TOLERANCE = 1e-4
MAX_ITERATIONS = 500
ABSENT = 10.0
"""By how much a class that was not learned from lies below the least likely one that was, in logits."""

Weights = NDArray[np.float64]


def scaled(x: Features, y: Features) -> tuple[Features, Features]:
    """Both standardised with mean and standard deviation of the first; what does not vary there becomes 0."""
    mean, deviation = moments(x)
    factor = np.where(deviation > 1e-9, 1 / np.maximum(deviation, 1e-9), 0.0)
    found = np.empty(x.shape, dtype=np.float32), np.empty(y.shape, dtype=np.float32)
    for given, out in zip((x, y), found, strict=True):
        for start in range(0, len(given), ROWS):  # what is between is float64
            some = slice(start, start + ROWS)
            out[some] = (given[some] - mean) * factor
    return found


def fitted_logits(
    x: Features, labels: Indices, others: Features, k: int, strength: float, weights: Weights | None = None
) -> Logits:
    """Logits (m, k) of other images by a logistic regression.

    Args:
        x: (n, d) standardised features to learn from.
        labels: (n,) their classes; not all of the k need occur.
        others: (m, d) features to score, scaled alike.
        k: Number of classes.
        strength: C.
        weights: (n,) weight of each image; None for 1.
    """
    present = np.unique(labels)
    if len(present) == 1:
        known = np.zeros((len(others), 1))
    else:
        model = LogisticRegression(C=strength, tol=TOLERANCE, max_iter=MAX_ITERATIONS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a probe need not be exact
            model.fit(x, labels, sample_weight=weights)
        decision = model.decision_function(others)
        known = np.column_stack([-decision / 2, decision / 2]) if decision.ndim == 1 else decision
    logits = np.repeat(known.min(axis=1, keepdims=True) - ABSENT, k, axis=1)
    logits[:, present] = known
    result: Logits = logits.astype(np.float32)
    return result


def out_of_fold(x: Features, labels: Indices, units: Indices, k: int, strength: float, seed: int) -> Logits:
    """Logits (n, k) of every image by a regression that saw no image of its unit.

    Args:
        x: (n, d) features.
        labels: (n,) classes.
        units: (n,) units that stay whole.
        k: Number of classes.
        strength: C.
        seed: Seed of the folds.
    """
    folds = min(FOLDS, len(np.unique(units)))
    fold = folds_of(units, labels, folds, seed)
    logits = np.zeros((len(x), k), dtype=np.float32)
    for number in range(folds):
        inside, outside = fold != number, fold == number
        if not inside.any():
            continue
        known, asked = scaled(x[inside], x[outside])
        logits[outside] = fitted_logits(known, labels[inside], asked, k, strength)
    return logits
