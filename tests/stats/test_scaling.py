"""Scalings: found where they were planted, by another optimiser too, and never on a patient's own images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from heldout.records.predictions import Predictions
from heldout.stats.reliability import reliability
from heldout.stats.scaling import cross_fitted, fit_scaling, temperature_estimate
from heldout.stats.scores import log_loss, softmax


def world(n: int, k: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn by the softmax of the logits."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, k))
    drawn = (softmax(logits).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return np.minimum(drawn, k - 1).astype(np.int64), logits


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_a_planted_temperature_is_found_as_by_another_optimiser(factor: float) -> None:
    labels, logits = world(4000)
    found = fit_scaling("temperature", labels, factor * logits).temperature
    plain = minimize_scalar(lambda t: log_loss(labels, factor * logits / t), bounds=(0.05, 20), method="bounded").x
    assert found == pytest.approx(factor, rel=0.08) and found == pytest.approx(plain, rel=0.002)


def test_the_prior_moves_a_hundred_images_by_less_than_a_hundredth() -> None:
    labels, logits = world(100)
    plain = minimize_scalar(lambda t: log_loss(labels, 2 * logits / t), bounds=(0.05, 20), method="bounded").x
    assert fit_scaling("temperature", labels, 2 * logits).temperature == pytest.approx(plain, rel=0.01)


def test_planted_factors_and_shifts_are_undone() -> None:
    labels, logits = world(6000)
    scaled = logits * [0.5, 2.0, 1.0] + [1.0, -1.0, 0.0]
    found = fit_scaling("vector", labels, scaled)
    np.testing.assert_allclose(found.factors, [2.0, 0.5, 1.0], rtol=0.1)
    np.testing.assert_allclose(np.diff(found.shifts), np.diff([-2.0, 0.5, 0.0]), atol=0.25)


def test_temperature_stays_finite_where_all_are_right_and_changes_no_answer() -> None:
    labels = np.arange(50) % 2
    logits = np.where(labels[:, None] == np.arange(2), 3.0, -3.0)
    found = fit_scaling("temperature", labels, logits)
    assert 0.01 < found.temperature < 1
    other = np.random.default_rng(0).normal(0, 3, (100, 2))
    assert (found.probabilities(other).argmax(axis=1) == other.argmax(axis=1)).all()


def clustered(patients: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Five images a patient, with alike logits and alike labels; the temperature is 1.5."""
    rng = np.random.default_rng(seed)
    logits = np.repeat(rng.normal(0, 2, (patients, 3)), 5, axis=0) + rng.normal(0, 0.5, (patients * 5, 3))
    drawn = (softmax(logits).cumsum(axis=1) < np.repeat(rng.random((patients, 1)), 5, axis=0)).sum(axis=1)
    return np.minimum(drawn, 2).astype(np.int64), 1.5 * logits, np.repeat(np.arange(patients), 5)


def test_the_interval_of_a_temperature_covers_it_and_is_that_of_a_bootstrap_over_patients() -> None:
    found = [temperature_estimate(*clustered(60, seed)) for seed in range(150)]
    assert 0.88 <= np.mean([one.low <= 1.5 <= one.high for one in found]) <= 0.99  # 0.93 of 400 others
    labels, logits, units = clustered(100, 1000)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(200):
        rows = (5 * rng.integers(0, 100, 100)[:, None] + np.arange(5)).ravel()
        drawn.append(np.log(fit_scaling("temperature", labels[rows], logits[rows]).temperature))
    one = temperature_estimate(labels, logits, units)
    assert np.log(one.high / one.value) / 1.98 == pytest.approx(np.std(drawn), rel=0.25)
    alone = temperature_estimate(labels, logits, np.arange(500))
    assert alone.high / alone.low < one.high / one.low  # images of a patient say less than images of many
    with pytest.raises(ValueError, match="two patients"):
        temperature_estimate(labels, logits, np.zeros(500, dtype=np.int64))


def test_where_every_image_is_right_little_is_known_of_the_temperature() -> None:
    labels = np.arange(50) % 2
    found = temperature_estimate(labels, np.where(labels[:, None] == np.arange(2), 3.0, -3.0), np.arange(50))
    assert found.low < 0.3 and found.high > 2


def test_no_image_is_scaled_by_what_its_patient_taught() -> None:
    labels, logits = world(60, k=2)
    units = np.repeat(np.arange(20), 3)
    before = cross_fitted("temperature", labels, logits, units, 0)
    turned = labels.copy()
    rows = np.flatnonzero(units == 7)[1:]  # the first one says to which fold a patient goes
    turned[rows] = 1 - turned[rows]
    after = cross_fitted("temperature", turned, logits, units, 0)
    np.testing.assert_allclose(before[units == 7], after[units == 7])
    assert not np.allclose(before, after)
    with pytest.raises(ValueError, match="two patients"):
        cross_fitted("temperature", labels[:3], logits[:3], units[:3], 0)


def test_a_network_that_is_too_sure_gains_surely_and_a_good_one_does_not_lose() -> None:
    labels, logits = world(900, k=2)
    ids = tuple(map(str, range(900)))
    patients = tuple(str(i // 3) for i in range(900))
    for factor, sign in ((3.0, True), (1.0, False)):
        side = Predictions("val", ids, labels, factor * logits, patients)
        scaled = cross_fitted("temperature", labels, side.logits, side.units, 0)
        found = reliability(side, scaled, "temperature")
        change = {one.name: one.change for one in found.scores}
        assert found.counted.patients == 300 and sum(bin_.right.n for bin_ in found.after) == 900
        if sign:
            assert all(one.high < 0 for one in change.values())
        else:
            assert abs(change["log_loss"].value) < 0.01
