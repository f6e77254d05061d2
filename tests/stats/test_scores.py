"""Scores against scikit-learn over a grid, and by hand where sklearn has no answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax as scipy_softmax
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from heldout.stats.scores import accuracy, auc, auc_binary, confusion, log_loss, log_odds, recalls, softmax

pytestmark = pytest.mark.numeric


def made(n: int, k: int, seed: int, digits: int = 9) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    logits = rng.normal(size=(n, k)) + 1.2 * np.eye(k)[labels]
    return labels, np.round(logits, digits)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1.0, 1000.0])  # 1000: exp alone would be infinite
def test_softmax_is_that_of_scipy(k: int, kind: type[np.floating], size: float) -> None:
    logits = (size * made(40, k, seed=k)[1]).astype(kind)
    found = softmax(logits)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, scipy_softmax(logits.astype(np.float64), axis=1), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("n", [6, 40, 301])
@pytest.mark.parametrize("digits", [9, 0])  # 0: many ties
def test_scores_are_those_of_scikit_learn(n: int, k: int, digits: int) -> None:
    labels, logits = made(n, k, seed=n + k, digits=digits)
    predicted = logits.argmax(axis=1)
    probabilities = softmax(logits)
    assert accuracy(labels, predicted) == pytest.approx(accuracy_score(labels, predicted))
    assert (confusion(labels, predicted, k) == confusion_matrix(labels, predicted, labels=range(k))).all()
    assert recalls(labels, predicted, k) == pytest.approx(recall_score(labels, predicted, average=None))
    assert log_loss(labels, logits) == pytest.approx(sklearn_log_loss(labels, probabilities, labels=range(k)))
    # Rounded, so that scikit-learn too sees equal logits as equal scores.
    scores = np.round(probabilities, 12)
    expected = (
        roc_auc_score(labels, scores[:, 1])
        if k == 2
        else np.mean([roc_auc_score(labels == c, scores[:, c]) for c in range(k)])
    )
    if k == 2 or digits:
        assert auc(labels, logits) == pytest.approx(expected, abs=1e-12)
    if k > 2 and digits:
        assert auc(labels, logits) == pytest.approx(roc_auc_score(labels, probabilities, multi_class="ovr"))


def test_a_class_without_images_has_no_recall_and_no_auc() -> None:
    labels = np.array([0, 0, 1])
    assert recalls(labels, labels, 3) == (1.0, 1.0, None)
    assert auc(labels, np.eye(3)[labels]) is None
    assert auc_binary(np.array([True, True]), np.array([0.1, 0.2])) is None


def test_the_auc_of_a_saturated_classifier_keeps_its_order() -> None:
    """Softmax rounds both to 1; the order of the logits decides."""
    logits = np.array([[0.0, 60.0], [0.0, 50.0]])
    assert softmax(logits)[0, 1] == softmax(logits)[1, 1]
    assert auc(np.array([1, 0]), logits) == 1.0


def test_a_sure_mistake_has_a_finite_loss() -> None:
    assert log_loss(np.array([0]), np.array([[0.0, 1000.0]])) == pytest.approx(1000.0)


def test_log_odds_are_the_logit_of_the_probability() -> None:
    _, logits = made(20, 4, 0)
    p = softmax(logits)
    assert np.allclose(log_odds(logits), np.log(p / (1 - p)))


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=30))
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[bool, int]]) -> None:
    positive = np.array([row[0] for row in rows])
    score = np.array([float(row[1]) for row in rows])
    value = auc_binary(positive, score)
    if positive.all() or not positive.any():
        assert value is None
        return
    pairs = [(p > q) + 0.5 * (p == q) for p in score[positive] for q in score[~positive]]
    assert value == pytest.approx(np.mean(pairs))
    assert auc_binary(~positive, -score) == pytest.approx(value)
