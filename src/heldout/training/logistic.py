"""The head solved to its optimum: multinomial logistic regression on fixed features."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heldout.array_files import release_pages
from heldout.strategies.strategy import ClassWeights
from heldout.ties import SAME_LOSS
from heldout.training.block_logistic import (
    FLAT,
    BlockProblem,
    block_moments,
    block_path,
    even_weights,
    is_large,
)
from heldout.training.weighting import class_weights

MAX_ITERATIONS = 1000
TOLERANCE = 1e-6
"""Largest component of the gradient at the end; scikit-learn's default of 1e-4 leaves probabilities off by 0.005."""

NEVER = -20.0
"""Logit of a class, or of a label, that no training image has: a probability of 2e-9 beside one that has 0."""

ROWS = 4096
"""Images scaled at a time."""

COLUMNS = 64
"""Features whose standard deviation is taken at a time."""


@dataclass(frozen=True)
class LinearHead:
    """A linear layer: logits = features · weightᵀ + bias.

    Attributes:
        weight: (k, d) float32.
        bias: (k,) float32.
        strength: The C that was chosen.
        converged: Whether the solver reached its tolerance at that C.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    strength: float
    converged: bool


def solve_head(
    train: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    val: NDArray[np.float32],
    val_labels: NDArray[np.int64],
    classes: int,
    strengths: Sequence[float],
    weights: ClassWeights = "none",
) -> LinearHead:
    """L2-regularised logistic regression on standardised features; C with the least validation log loss wins.

    The features are standardised with the training images' mean and standard deviation, and that scaling is folded
    into the returned weights, so the head works on raw features. Of equal losses the stronger regularisation wins. A
    class that no training image has is never answered: its logit is `NEVER`.

    Args:
        train: Features (n, d).
        train_labels: (n,) class indices.
        val: Features (m, d).
        val_labels: (m,) class indices.
        classes: k, at least 2.
        strengths: Values of C to try.
        weights: `balanced` weighs every class alike, in the fit and in the choice of C.
    """
    mean, scale = scaling(train)
    of_class = class_weights(train_labels, classes, weights)
    best: tuple[float, LinearHead] | None = None
    for weight, bias, strength, converged in _path(train, train_labels, classes, strengths, weights, mean, scale):
        loss = _log_loss(scaled_logits(val, mean, scale, weight, bias), val_labels, of_class)
        if best is None or loss < best[0] - SAME_LOSS:
            best = (loss, raw_head(weight, bias, mean, scale, strength, converged))
    assert best is not None, "at least one strength"
    return best[1]


def solve_path(
    train: NDArray[np.float32], train_labels: NDArray[np.int64], classes: int, strengths: Sequence[float]
) -> tuple[LinearHead, ...]:
    """The head at every strength of regularisation, from strong to weak: what `solve_head` chooses among.

    Args:
        train: Features (n, d).
        train_labels: (n,) class indices.
        classes: k, at least 2.
        strengths: Values of C.
    """
    mean, scale = scaling(train)
    return tuple(
        raw_head(weight, bias, mean, scale, strength, converged)
        for weight, bias, strength, converged in _path(train, train_labels, classes, strengths, "none", mean, scale)
    )


def scaled_logits(
    features: NDArray[np.float32],
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Logits (m, k) of features (m, d) that are standardised some rows at a time."""
    logits = []
    for start in range(0, len(features), ROWS):
        logits.append((features[start : start + ROWS] - mean) / scale @ weight.T + bias)
        release_pages(features)
    return np.concatenate(logits)


def moments(x: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of the columns, (d,) each, of features (n, d).

    Some columns at a time: numpy makes float64 copies of what it takes the standard deviation of, twice the features.
    Where they are large, some rows at a time: they are mapped from a file, which is then read in order.
    """
    if is_large(x):
        return block_moments(x)
    deviation = np.empty(x.shape[1])
    for start in range(0, x.shape[1], COLUMNS):
        some = slice(start, start + COLUMNS)
        deviation[some] = x[:, some].std(axis=0, dtype=np.float64)
    return x.mean(axis=0, dtype=np.float64), deviation


def scaling(train: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation (d,) of the features."""
    mean, scale = moments(train)
    scale[scale < FLAT] = 1.0
    return mean, scale


def _path(
    train: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    classes: int,
    strengths: Sequence[float],
    weights: ClassWeights,
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], float, bool]]:
    """Weight (k, d) and bias (k,) on standardised features, C, whether converged; from strong to weak."""
    present, labels = np.unique(train_labels, return_inverse=True)  # solved among the p classes that occur
    if len(present) == 1:
        alone = _among_all(np.zeros((1, train.shape[1])), np.zeros(1), present, classes)
        yield from ((*alone, strength, True) for strength in sorted(strengths))
        return
    for weight, bias, strength, converged in (_in_blocks if is_large(train) else _in_memory)(
        train, labels.astype(np.int64), len(present), strengths, weights, mean, scale
    ):
        both = _two_sided(weight, bias, len(present))
        yield *_among_all(*both, present, classes), strength, converged


def _in_blocks(
    train: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    classes: int,
    strengths: Sequence[float],
    weights: ClassWeights,
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], float, bool]]:
    """Weight and bias as scikit-learn gives them, from features that are read block by block."""
    of_class = even_weights(train_labels, classes) if weights == "balanced" else np.ones(classes)
    problem = BlockProblem(train, train_labels, classes, of_class, mean, scale)
    yield from block_path(problem, strengths, TOLERANCE, MAX_ITERATIONS)


def _in_memory(
    train: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    classes: int,
    strengths: Sequence[float],
    weights: ClassWeights,
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], float, bool]]:
    """Weight and bias as scikit-learn gives them, from features in memory in double precision."""
    # Loaded here: it takes half a second, which runs without a solved head need not wait for.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    x = train - mean  # float64
    x /= scale
    model = LogisticRegression(
        solver="lbfgs",
        tol=TOLERANCE,
        max_iter=MAX_ITERATIONS,
        warm_start=True,
        class_weight=None if weights == "none" else "balanced",
    )
    for strength in sorted(strengths):  # from strong to weak: each start is near its optimum
        model.set_params(C=strength)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # recorded in `converged` instead
            model.fit(x, train_labels)
        yield model.coef_.copy(), model.intercept_.copy(), strength, bool(np.max(model.n_iter_) < MAX_ITERATIONS)


def raw_head(
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    strength: float,
    converged: bool,
) -> LinearHead:
    """The head for raw features."""
    raw = weight / scale
    return LinearHead(raw.astype(np.float32), (bias - raw @ mean).astype(np.float32), strength, converged)


def _two_sided(
    weight: NDArray[np.float64], bias: NDArray[np.float64], classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """scikit-learn gives two classes one row w; as two logits ∓w/2 they have the same softmax."""
    if classes == 2:
        return np.vstack([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    return weight, bias


def _among_all(
    weight: NDArray[np.float64], bias: NDArray[np.float64], present: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The head of p classes as one of all k. Logits sum to 0 over the p, so that their largest is not below.

    Args:
        weight: (p, d).
        bias: (p,).
        present: (p,) their indices among all.
        classes: k.
    """
    all_weights, all_biases = np.zeros((classes, weight.shape[1])), np.full(classes, NEVER)
    all_weights[present], all_biases[present] = weight, bias
    return all_weights, all_biases


def _log_loss(logits: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.float32] | None) -> float:
    """Mean cross-entropy in nats; an image weighs what its class does."""
    top = logits.max(axis=1, keepdims=True)
    normaliser = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
    losses = normaliser - logits[np.arange(len(labels)), labels]
    return float(np.mean(losses) if weights is None else np.average(losses, weights=weights[labels]))
