from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.records import Estimate
from heldout.stats.class_draws import error_of_shares, redrawn

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(2, 5))
def test_error_within_classes_and_of_their_shares_make_up_that_of_the_accuracy(seed: int, k: int) -> None:
    """The law of total variance: p(1 − p) = Σ π r(1 − r) + Σ π (r − p)², with an image a patient."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, 200)
    right = rng.random(200) < np.linspace(0.2, 1.0, k)[labels]
    recalls = np.array([right[labels == c].mean() if (labels == c).any() else np.nan for c in range(k)])
    shares, p = np.bincount(labels, minlength=k) / 200, right.mean()
    within = np.nansum(shares * recalls * (1 - recalls))
    between = error_of_shares(labels, np.arange(200), recalls) ** 2 * 199
    assert within + between == pytest.approx(p * (1 - p), abs=1e-9)


def test_it_is_the_spread_of_drawn_patients() -> None:
    """Patients of one to six images, most of one class: drawn with replacement, whatever their classes."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 7, 150)
    units = np.repeat(np.arange(150), sizes)
    own = rng.integers(0, 3, 150)[units]
    labels = np.where(rng.random(len(units)) < 0.8, own, rng.integers(0, 3, len(units)))
    recalls = np.array([0.95, 0.6, 0.1])
    drawn = []
    for _ in range(4000):
        times = np.bincount(rng.integers(0, 150, 150), minlength=150)[units]
        drawn.append((times * recalls[labels]).sum() / times.sum())
    assert error_of_shares(labels, units, recalls) == pytest.approx(float(np.std(drawn)), rel=0.05)


@given(SEEDS)
def test_names_of_patients_and_weights_alike_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, units, recalls = rng.integers(0, 3, 60), rng.integers(0, 20, 60), rng.random(3)
    plain = error_of_shares(labels, units, recalls)
    assert error_of_shares(labels, 7 * units + 3, recalls) == pytest.approx(plain)
    assert error_of_shares(labels, units, recalls, np.full(60, 2.5)) == pytest.approx(plain)
    doubled = error_of_shares(np.tile(labels, 2), np.tile(units, 2), recalls)
    assert doubled == pytest.approx(plain), "twice the images of the same patients tell no more"


def test_equal_recalls_and_single_patients_have_none() -> None:
    labels = np.repeat([0, 1], 10)
    assert error_of_shares(labels, np.arange(20), np.array([0.7, 0.7])) == pytest.approx(0.0, abs=1e-12)
    assert error_of_shares(labels, np.zeros(20, dtype=np.int64), np.array([0.9, 0.1])) == 0.0


def test_an_interval_without_such_an_error_stays() -> None:
    estimate = Estimate(4.0, 1.0, 8.0, 300, "patient bootstrap")
    same, wider = redrawn(estimate, 0.0), redrawn(estimate, 1.0)
    assert (same.value, same.low, same.high) == (4.0, pytest.approx(1.0), pytest.approx(8.0))
    assert wider.low < 1.0 and wider.high > 8.0 and wider.value == 4.0
