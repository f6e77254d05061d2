"""Do a model's answers follow the class shares that the labels of test tell of?

Where the classes stand in other shares and nothing else changed, a model answers

    P_T(answer = a) = Σ_k π^T_k · P(answer = a | label = k),

the right factor as on validation (Lipton, Wang & Smola 2018, "Detecting and correcting for label shift with black box
predictors"). What a model answers does not depend on an image's own label: labels that are wrong change the shares and
leave the answers as they were.
"""

from __future__ import annotations

import numpy as np

from heldout.stats.scores import Indices, Reals
from heldout.stats.weighted import class_sums, shares
from heldout.stats.weights import Weights


def followed(
    labels: tuple[Indices, Indices], answers: tuple[Indices, Indices], weights: tuple[Weights, Weights], k: int
) -> Reals:
    """How much of the change in answers that the labels' shares lead to expect is there: 1 if all of it, 0 if none.

    The change of the answers' shares between validation and test, projected on the change expected of them.

    Args:
        labels: Classes of validation (n_V,) and test (n_T,).
        answers: Classes that the model answers, likewise.
        weights: Weights of the images, (B, n_V) and (B, n_T).
        k: Number of classes.

    Returns:
        (B,) the share that is there; 0 where no change is expected.

    >>> labels = np.repeat([0, 1], [8, 2]), np.repeat([0, 1], [2, 8])
    >>> plain = np.ones((1, 10), dtype=np.float32), np.ones((1, 10), dtype=np.float32)
    >>> followed(labels, labels, plain, 2).tolist(), followed(labels, (labels[0], labels[0]), plain, 2).tolist()
    ([1.0], [0.0])
    """
    pairs = class_sums(np.ones(len(labels[0])), labels[0] * k + answers[0], weights[0], k * k).reshape(-1, k, k)
    of_label = pairs.sum(axis=2, keepdims=True)
    given = np.divide(pairs, of_label, out=np.zeros_like(pairs), where=of_label > 0)  # (B, label, answer)
    change = shares(labels[1], weights[1], k) - shares(labels[0], weights[0], k)
    expected = np.einsum("bk,bka->ba", change, given)
    found = shares(answers[1], weights[1], k) - shares(answers[0], weights[0], k)
    size = (expected**2).sum(axis=1)
    result: Reals = np.divide((expected * found).sum(axis=1), size, out=np.zeros_like(size), where=size > 1e-12)
    return result
