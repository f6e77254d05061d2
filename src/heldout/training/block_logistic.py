"""Logistic regression on features that would not fit into memory in double precision, from blocks of images.

Loss and gradient are sums over blocks, read one after another from the file that the features are mapped from. As in
scikit-learn, the mean log loss with 1/(2 C Σ weights) of the squared weights is minimised: both end at one optimum, as
near as their tolerance says, this one nearer (`NEARER`).

Each step reads the whole file, so steps are what costs. Features of a network are correlated, which makes them many; so
scipy's L-BFGS-B walks in coordinates in which the curvature at its start is the same in all directions, as far as a
sample of the images tells it (a preconditioner by subsampled Hessian: Byrd, Chin, Neveitt, Nocedal 2011), and begins
anew from where it is after some steps, since the surer the answers, the flatter the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import OptimizeResult, minimize
from scipy.special import expit, log_expit, logsumexp, softmax

from heldout.array_files import release_pages

LARGE = 2**28
"""Bytes of features in double precision up to which they are solved in memory: 26,000 images of 1,280."""

BLOCK = 2**19
"""Numbers of a block, 4 MB in double precision: they stay in a processor's cache while they are used twice."""

ROWS = 1024
"""Images of the sample worked on at a time."""

RELEASED = 64
"""Blocks after which the pages that were read are given back."""

NEARER = 10.0
"""By how much smaller the gradient is at the end than was asked for: it takes a step or two more, and where classes can
nearly be told apart a gradient of 1e-6 leaves probabilities off by 1e-4 still."""

SAMPLE = 2**14
"""Images that tell the curvature: some ten for each of a network's features."""

STEPS = 25
"""Steps in one set of coordinates."""

RIDGE = 1e-6
"""Of the mean curvature, added in all directions: that of features that never vary is 0."""

FLAT = 1e-12
"""A feature that varies less carries nothing; its scale is 1, so that nothing is divided by 0."""

Features = NDArray[np.float32]
Reals = NDArray[np.float64]


def is_large(features: Features) -> bool:
    """Whether features (n, d) are solved in blocks."""
    return features.size * 8 > LARGE


def blocks(features: Features) -> Iterator[tuple[slice, Reals]]:
    """Rows and their features in double precision, block by block."""
    rows = max(1, BLOCK // features.shape[1])
    for number, start in enumerate(range(0, len(features), rows)):
        some = slice(start, start + rows)
        yield some, np.asarray(features[some], dtype=np.float64)
        if number % RELEASED == RELEASED - 1:
            release_pages(features)
    release_pages(features)


def block_moments(features: Features) -> tuple[Reals, Reals]:
    """Mean and standard deviation of the columns, (d,) each, in two passes."""
    mean = sum(block.sum(axis=0) for _, block in blocks(features)) / len(features)
    squares = sum(((block - mean) ** 2).sum(axis=0) for _, block in blocks(features))
    return np.asarray(mean), np.sqrt(squares / len(features))


def even_weights(labels: NDArray[np.int64], classes: int) -> Reals:
    """What an image of each class weighs where all classes weigh the same, (k,): scikit-learn's `balanced`."""
    return len(labels) / (classes * np.maximum(np.bincount(labels, minlength=classes), 1))


@dataclass(frozen=True)
class BlockProblem:
    """A regression on standardised features, which are never made: their scaling is folded into the weights.

    Attributes:
        features: (n, d), mapped from disk where they are large.
        labels: (n,) classes; 0 and 1 where `classes` is 2.
        classes: k. Two have one row of weights, the log odds of class 1, as in scikit-learn.
        weights: (k,) what an image of each class weighs.
        mean: (d,) of the features.
        scale: (d,) by which they are divided.
    """

    features: Features
    labels: NDArray[np.int64]
    classes: int
    weights: Reals
    mean: Reals
    scale: Reals

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the unknowns: the weights (r, d), and the bias in a last column."""
        return (1 if self.classes == 2 else self.classes), len(self.mean) + 1

    def solve(self, strength: float, start: Reals, tolerance: float, most: int) -> tuple[Reals, bool]:
        """The optimum at one strength of regularisation.

        Args:
            strength: scikit-learn's C.
            start: (r, d + 1) where to begin.
            tolerance: Largest component of the gradient at the end.
            most: Most iterations.

        Returns:
            (r, d + 1), and whether it was reached.
        """
        total = float(self.weights[self.labels].sum())
        both, taken, is_there = start, 0, False
        while not is_there and taken < most:
            some = min(STEPS, most - taken)
            both, steps, is_there = self._walk(both, 1 / (strength * total), total, tolerance, some)
            taken += some
            if not is_there and steps < some:  # no step leads further down
                break
        return both, is_there

    def _walk(self, start: Reals, penalty: float, total: float, tolerance: float, most: int) -> tuple[Reals, int, bool]:
        """At most so many steps in the coordinates of the start: where they lead, their number, whether it is there."""
        root = cholesky(self._curvature(start, penalty, total), lower=True)
        gradient = np.full_like(start, np.inf)  # where the loss was asked for last

        def unknowns(even: Reals) -> Reals:
            return np.asarray(solve_triangular(root, even.reshape(self.shape).T, lower=True, trans="T").T)

        def loss(even: Reals) -> tuple[float, Reals]:
            nonlocal gradient
            value, gradient = self._loss(unknowns(even), penalty, total)
            return value, solve_triangular(root, gradient.T, lower=True).T.ravel()

        def stop_there(intermediate_result: OptimizeResult) -> None:
            if np.abs(gradient).max() <= tolerance / NEARER:
                raise StopIteration

        found = minimize(
            loss,
            (start @ root).ravel(),
            method="L-BFGS-B",
            jac=True,
            callback=stop_there,
            options={"maxiter": most, "maxls": 50, "gtol": 0.0, "ftol": 64 * np.finfo(np.float64).eps},
        )
        is_there = bool(found.status == 0 or np.abs(gradient).max() <= tolerance / NEARER)
        return unknowns(found.x), int(found.nit), is_there

    def _curvature(self, both: Reals, penalty: float, total: float) -> Reals:
        """Second derivatives of the loss by the unknowns of one row, (d + 1, d + 1), as far as a sample tells them.

        An image is drawn as often as it curves the loss in all directions together, c‖x‖² (systematic sampling, by its
        place in the file), and counts as much less: those that are answered surely hardly curve it, and a feature that
        few images have is told by these alone (Xu, Yang, Roosta-Khorasani, Ré, Mahoney 2016). Of several classes it is
        the mean over them: rows share one set of coordinates.
        """
        raw, offset = self._on_features(both)
        sizes = []
        for rows, block in blocks(self.features):
            x = (block - self.mean) / self.scale
            sizes.append(self._curved(block @ raw.T + offset, rows) * (np.einsum("ij,ij->i", x, x) + 1))
        ends = np.cumsum(np.concatenate(sizes))
        drawn = np.searchsorted(ends, ends[-1] * (np.arange(SAMPLE) + 0.5) / SAMPLE)
        some, times = np.unique(np.minimum(drawn, len(ends) - 1), return_counts=True)
        sums = np.zeros((both.shape[1],) * 2)
        for part in np.array_split(np.arange(len(some)), -(-len(some) // ROWS)):
            x = np.column_stack([(self.features[some[part]] - self.mean) / self.scale, np.ones(len(part))])
            sums += x.T @ (x * (times[part] / np.einsum("ij,ij->i", x, x))[:, None])
            release_pages(self.features)  # the system maps what lies about each row besides
        sums *= ends[-1] / SAMPLE / total
        sums[np.diag_indices_from(sums)] += penalty + RIDGE * np.trace(sums) / len(sums)
        return sums

    def _curved(self, logits: Reals, rows: slice) -> Reals:
        """How much each image of a block curves the loss, (b,), from its logits (b, r)."""
        p = expit(logits) if self.classes == 2 else softmax(logits, axis=1)
        curved: Reals = self.weights[self.labels[rows]] * (p * (1 - p)).mean(axis=1)
        return curved

    def _on_features(self, both: Reals) -> tuple[Reals, Reals]:
        """Weights (r, d) and offsets (r,) for features as they are."""
        raw = both[:, :-1] / self.scale
        return raw, both[:, -1] - raw @ self.mean

    def _loss(self, both: Reals, penalty: float, total: float) -> tuple[float, Reals]:
        """The loss and its gradient, (r, d + 1)."""
        weight, (raw, offset) = both[:, :-1], self._on_features(both)
        loss, sums, products = 0.0, np.zeros(len(both)), np.zeros_like(weight)
        for rows, block in blocks(self.features):
            each, residual = self._residual(block @ raw.T + offset, self.labels[rows])
            loss += each
            sums += residual.sum(axis=0)
            products += residual.T @ block
        gradient = np.empty_like(both)
        gradient[:, :-1] = (products - np.outer(sums, self.mean)) / self.scale / total + penalty * weight
        gradient[:, -1] = sums / total
        return loss / total + penalty / 2 * float((weight**2).sum()), gradient

    def _residual(self, logits: Reals, labels: NDArray[np.int64]) -> tuple[float, Reals]:
        """Weighted sum of the losses of a block, and their derivatives by its logits (b, r)."""
        each = self.weights[labels]
        if self.classes == 2:
            z = logits[:, 0]
            losses, residual = -log_expit(np.where(labels == 1, z, -z)), (expit(z) - labels)[:, None]
        else:
            log_p = logits - logsumexp(logits, axis=1, keepdims=True)
            losses, residual = -log_p[np.arange(len(labels)), labels], np.exp(log_p)
            residual[np.arange(len(labels)), labels] -= 1
        return float(each @ losses), residual * each[:, None]


def block_path(
    problem: BlockProblem, strengths: Sequence[float], tolerance: float, most: int
) -> Iterator[tuple[Reals, Reals, float, bool]]:
    """Weight (r, d) and bias (r,), C, and whether it converged; from strong to weak."""
    both = np.zeros(problem.shape)
    for strength in sorted(strengths):
        both, converged = problem.solve(strength, both, tolerance, most)
        yield both[:, :-1].copy(), both[:, -1].copy(), strength, converged
