"""Answers that follow class shares, and answers that do not: laws, whatever the confusion and the shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.stats.label_shift import followed

COUNTS = st.lists(st.integers(1, 9), min_size=9, max_size=9)
TIMES = st.lists(st.integers(1, 6), min_size=3, max_size=3)


def of_counts(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and answers with so many images of each pair."""
    pairs = np.repeat(np.arange(9), counts.ravel())
    return pairs // 3, pairs % 3


def share(val: np.ndarray, test: np.ndarray, answers: np.ndarray | None = None) -> float:
    (labels_v, answers_v), (labels_t, answers_t) = of_counts(val), of_counts(test)
    weights = tuple(np.ones((1, len(labels)), dtype=np.float32) for labels in (labels_v, labels_t))
    found = followed((labels_v, labels_t), (answers_v, answers_t if answers is None else answers), weights, 3)
    return float(found[0])


@given(counts=COUNTS, times=TIMES)
def test_classes_in_other_shares_are_followed_whole(counts: list[int], times: list[int]) -> None:
    val = np.array(counts).reshape(3, 3)
    test = val * np.array(times)[:, None]
    expected = 0.0 if len(set(times)) == 1 else 1.0
    differ = np.ptp(test.sum(0) / test.sum() - val.sum(0) / val.sum()) > 1e-6
    assert share(val, test) == pytest.approx(expected if differ else 0.0, abs=1e-6)


@given(counts=COUNTS, seed=st.integers(0, 99))
def test_labels_turned_are_not_followed_at_all(counts: list[int], seed: int) -> None:
    val = np.array(counts).reshape(3, 3)
    labels, answers = of_counts(val)
    turned = np.where(np.random.default_rng(seed).random(len(labels)) < 0.3, 0, labels)
    weights = np.ones((1, len(labels)), dtype=np.float32)
    assert followed((labels, turned), (answers, answers), (weights, weights), 3)[0] == pytest.approx(0.0, abs=1e-9)


def test_half_turned_and_half_real_is_half() -> None:
    """Shares go from 50 : 50 to 25 : 75, half of that by labels that are wrong; a model that is always right."""
    val = np.array([[8, 0, 0], [0, 8, 0], [0, 0, 0]])
    labels = np.repeat([0, 1], [4, 12])
    answers = np.repeat([0, 1], [6, 10])
    weights = np.ones((1, 16), dtype=np.float32)
    val_labels, val_answers = of_counts(val)
    assert followed((val_labels, labels), (val_answers, answers), (weights, weights), 3)[0] == pytest.approx(0.5)
