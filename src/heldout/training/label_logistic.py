"""The head of several labels solved to its optimum: one logistic regression a label, one strength for all."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from heldout.strategies.strategy import ClassWeights
from heldout.ties import SAME_LOSS
from heldout.training.logistic import MAX_ITERATIONS, TOLERANCE, LinearHead, raw_head, scaling

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

NEVER = -20.0
"""Logit of a label that no training image has; the other way round of one that all have. A probability of 2e-9."""


def solve_labels(
    train: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    val: NDArray[np.float32],
    val_labels: NDArray[np.int64],
    strengths: Sequence[float],
    weights: ClassWeights = "none",
) -> LinearHead:
    """L2-regularised logistic regression of each label; the C with the least mean validation log loss wins.

    One C for all labels: for a rare one there is little to choose by. Features are standardised as in `solve_head`, and
    of equal losses the stronger regularisation wins.

    Args:
        train: Features (n, d).
        train_labels: (n, k) of 0 and 1.
        val: Features (m, d).
        val_labels: (m, k).
        strengths: Values of C to try.
        weights: `balanced` weighs images with and without a label alike in the fit of it.
    """
    mean, scale = scaling(train)
    x, held_out = ((part - mean) / scale for part in (train, val))
    models = [_model(weights) for _ in range(train_labels.shape[1])]
    best: tuple[float, LinearHead] | None = None
    for strength in sorted(strengths):  # from strong to weak: each start is near its optimum
        heads = [_fitted(model, x, train_labels[:, c], strength) for c, model in enumerate(models)]
        weight, bias = np.stack([head[0] for head in heads]), np.array([head[1] for head in heads])
        loss = _log_loss(held_out @ weight.T + bias, val_labels)
        if best is None or loss < best[0] - SAME_LOSS:
            best = (loss, raw_head(weight, bias, mean, scale, strength, all(head[2] for head in heads)))
    assert best is not None, "at least one strength"
    return best[1]


def _model(weights: ClassWeights) -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(
        solver="lbfgs",
        tol=TOLERANCE,
        max_iter=MAX_ITERATIONS,
        warm_start=True,
        class_weight=None if weights == "none" else "balanced",
    )


def _fitted(
    model: LogisticRegression, x: NDArray[np.float64], label: NDArray[np.int64], strength: float
) -> tuple[NDArray[np.float64], float, bool]:
    """Weight (d,), bias and whether converged, of one label; a bias alone where all images have it, or none."""
    if label.min() == label.max():
        return np.zeros(x.shape[1]), -NEVER if label[0] else NEVER, True
    from sklearn.exceptions import ConvergenceWarning  # scikit-learn is loaded where a head is solved, see `logistic`

    model.set_params(C=strength)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # recorded instead
        model.fit(x, label)
    return model.coef_[0].copy(), float(model.intercept_[0]), bool(np.max(model.n_iter_) < MAX_ITERATIONS)


def _log_loss(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean binary cross-entropy in nats."""
    return float(np.mean(np.logaddexp(0.0, logits) - labels * logits))
