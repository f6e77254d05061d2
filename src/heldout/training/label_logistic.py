"""The head of several labels solved to its optimum: one logistic regression a label, one strength for all."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from heldout.strategies.strategy import ClassWeights
from heldout.ties import SAME_LOSS
from heldout.training.block_logistic import BlockProblem, even_weights, is_large
from heldout.training.logistic import MAX_ITERATIONS, NEVER, TOLERANCE, LinearHead, raw_head, scaled_logits, scaling


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
    fits: list[_Fit]
    if is_large(train):
        fits = [_InBlocks(train, label, mean, scale, weights) for label in train_labels.T]
    else:
        x = (train - mean) / scale
        fits = [_InMemory(x, label, weights) for label in train_labels.T]
    best: tuple[float, LinearHead] | None = None
    for strength in sorted(strengths):  # from strong to weak: each start is near its optimum
        heads = [fit.at(strength) for fit in fits]
        weight, bias = np.stack([head[0] for head in heads]), np.array([head[1] for head in heads])
        loss = _log_loss(scaled_logits(val, mean, scale, weight, bias), val_labels)
        if best is None or loss < best[0] - SAME_LOSS:
            best = (loss, raw_head(weight, bias, mean, scale, strength, all(head[2] for head in heads)))
    assert best is not None, "at least one strength"
    return best[1]


class _Fit(Protocol):
    """The regression of one label."""

    def at(self, strength: float) -> tuple[NDArray[np.float64], float, bool]:
        """Weight (d,), bias and whether converged; begun where the one before ended."""


class _InMemory:
    """Of standardised features in double precision, by scikit-learn."""

    def __init__(self, x: NDArray[np.float64], label: NDArray[np.int64], weights: ClassWeights) -> None:
        from sklearn.linear_model import LogisticRegression  # loaded where a head is solved, see `logistic`

        self._x, self._label = x, label
        balance = None if weights == "none" else "balanced"
        self._model = LogisticRegression(
            solver="lbfgs", tol=TOLERANCE, max_iter=MAX_ITERATIONS, warm_start=True, class_weight=balance
        )

    def at(self, strength: float) -> tuple[NDArray[np.float64], float, bool]:
        """See `_Fit`."""
        if (alone := _alone(self._label, self._x.shape[1])) is not None:
            return alone
        from sklearn.exceptions import ConvergenceWarning

        model = self._model
        model.set_params(C=strength)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # recorded instead
            model.fit(self._x, self._label)
        return model.coef_[0].copy(), float(model.intercept_[0]), bool(np.max(model.n_iter_) < MAX_ITERATIONS)


class _InBlocks:
    """Of features that are read block by block."""

    def __init__(
        self,
        features: NDArray[np.float32],
        label: NDArray[np.int64],
        mean: NDArray[np.float64],
        scale: NDArray[np.float64],
        weights: ClassWeights,
    ) -> None:
        label = np.ascontiguousarray(label)
        each = np.ones(2) if weights == "none" else even_weights(label, 2)
        self._problem = BlockProblem(features, label, 2, each, mean, scale)
        self._both = np.zeros(self._problem.shape)

    def at(self, strength: float) -> tuple[NDArray[np.float64], float, bool]:
        """See `_Fit`."""
        if (alone := _alone(self._problem.labels, len(self._problem.mean))) is not None:
            return alone
        self._both, converged = self._problem.solve(strength, self._both, TOLERANCE, MAX_ITERATIONS)
        return self._both[0, :-1].copy(), float(self._both[0, -1]), converged


def _alone(label: NDArray[np.int64], width: int) -> tuple[NDArray[np.float64], float, bool] | None:
    """A bias without weights: `NEVER` where no image has the label, and the other way round where all have it."""
    if label.min() != label.max():
        return None
    return np.zeros(width), -NEVER if label[0] else NEVER, True


def _log_loss(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean binary cross-entropy in nats."""
    return float(np.mean(np.logaddexp(0.0, logits) - labels * logits))
