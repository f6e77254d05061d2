"""Newton's method for small logistic regressions: the optimum that scikit-learn has in the limit, whatever the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from heldout.stats.ridge import ridge_log_odds

STRENGTHS = (0.001, 0.1, 1.0, 100.0)


def drawn(n: int, d: int, seed: int, slope: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    target = (rng.random(n) < expit(slope * X.sum(axis=1) - 0.5)).astype(np.int64)
    target[:2] = 0, 1
    return X, target, rng.standard_normal((7, d))


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 120), st.integers(1, 30), st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 20.0]))
def test_it_ends_where_scikit_learn_does_in_the_limit(n: int, d: int, seed: int, slope: float) -> None:
    X, target, new = drawn(n, d, seed, slope)  # a slope of 20 separates the classes, more columns than rows do too
    found = ridge_log_odds(X, target, new, STRENGTHS)
    for odds, strength in zip(found, STRENGTHS, strict=True):
        exact = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-12, max_iter=500).fit(X, target)
        np.testing.assert_allclose(odds, exact.decision_function(new), rtol=1e-3, atol=1e-3 * np.abs(odds).max())


def test_a_fit_does_not_depend_on_those_before_it() -> None:
    X, target, new = drawn(90, 12, 3, 1.0)
    path = ridge_log_odds(X, target, new, STRENGTHS)
    for odds, strength in zip(path, STRENGTHS, strict=True):
        np.testing.assert_allclose(odds, ridge_log_odds(X, target, new, (strength,))[0], rtol=1e-4, atol=1e-4)


def test_exchanged_classes_change_the_sign_and_nothing_else() -> None:
    X, target, new = drawn(60, 5, 4, 1.0)
    odds, other = ridge_log_odds(X, target, new, (1.0,)), ridge_log_odds(X, 1 - target, new, (1.0,))
    np.testing.assert_allclose(odds, -other, rtol=1e-6, atol=1e-6)


def test_columns_without_a_word_leave_the_share_of_the_classes() -> None:
    target = np.array([0, 0, 0, 1])
    (odds,) = ridge_log_odds(np.zeros((4, 2)), target, np.zeros((1, 2)), (1.0,))
    assert odds[0] == pytest.approx(np.log(1 / 3), abs=1e-6)


def test_far_outliers_and_near_copies_of_columns_do_no_harm() -> None:
    X, target, new = drawn(50, 3, 5, 1.0)
    X = np.column_stack([X, X[:, 0], 1e-9 * X[:, 1]])
    X[0] *= 1e4
    found = ridge_log_odds(X, target, np.column_stack([new, new[:, 0], 1e-9 * new[:, 1]]), STRENGTHS)
    assert np.isfinite(found).all()
