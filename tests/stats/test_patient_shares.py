"""Shares in which every patient counts the same."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from heldout.stats.intervals import wilson
from heldout.stats.patient_shares import patient_mean, patient_share
from heldout.stats.risk_control import Patients


def test_of_one_image_each_it_is_wilson_and_none_without_images() -> None:
    hits, among = np.arange(80) < 9, np.arange(80) < 60
    one = Patients.of(np.arange(80), 0)
    found = patient_share(hits, among, one)
    assert found is not None and found.n == 60
    assert (found.low, found.high) == pytest.approx(wilson(9, 60))
    assert patient_share(hits, np.zeros(80, bool), one) is None


def test_a_patient_counts_once_however_many_images() -> None:
    unit = np.concatenate([np.zeros(50), np.arange(1, 11)]).astype(int)
    hits = unit == 0  # the patient with fifty images
    found = patient_share(hits, np.ones(60, bool), Patients.of(unit, 0))
    assert found is not None and found.value == pytest.approx(1 / 11)
    assert found.high > wilson(1, 11)[1] * 0.9, "fifty images of one patient are no fifty patients"


@pytest.mark.parametrize(("size", "n"), [(1, 60), (6, 60), (6, 200)])
def test_intervals_hold_the_truth(size: int, n: int) -> None:
    rng, held, draws = np.random.default_rng(0), 0, 400
    for _ in range(draws):
        sizes = rng.integers(1, 2 * size, n) if size > 1 else np.ones(n, dtype=int)
        unit = np.repeat(np.arange(n), sizes)
        chance = rng.beta(0.3, 2.7, n)[unit]
        found = patient_share(rng.random(len(unit)) < chance, np.ones(len(unit), bool), Patients.of(unit, 0))
        assert found is not None
        held += found.low <= 0.1 <= found.high
    assert held / draws > 0.92


def test_a_mean_has_the_interval_of_t_over_patients_who_are_many() -> None:
    rng = np.random.default_rng(3)
    unit = np.repeat(np.arange(400), 2)
    values = rng.integers(1, 4, 800).astype(np.float64)
    means = np.array([values[unit == one].mean() for one in range(400)])
    found = patient_mean(values, Patients.of(unit, 0), (0.0, 3.0))
    low, high = scipy.stats.t.interval(0.95, 399, means.mean(), means.std(ddof=1) / 20)
    assert (found.low, found.value, found.high) == pytest.approx((low, means.mean(), high), rel=0.003)
    one = patient_mean(values[:2], Patients.of(unit[:2], 0), (0.0, 3.0))
    assert (one.low, one.high) == (0.0, 3.0)
    same = patient_mean(np.ones(20), Patients.of(np.arange(20), 0), (0.0, 3.0))
    assert same.low < 1 < same.high
