"""The intervals hold the truth about as often as they say (docs/statistics.md has the whole table)."""

from __future__ import annotations

import pytest

from tests.stats.coverage import World, simulate


@pytest.mark.slow
@pytest.mark.parametrize("accuracy", [0.8, 0.95])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_with_two_hundred_patients_all_intervals_cover(accuracy: float, rho: float) -> None:
    found = simulate(World(200, accuracy, rho), studies=500)
    # Binomial error of 500 studies: 1 point.
    assert 0.91 < found.patients < 0.985
    assert 0.91 < found.auc < 0.985
    assert 0.91 < found.difference < 0.985


@pytest.mark.slow
def test_an_interval_that_takes_images_as_independent_does_not() -> None:
    """Why patients are drawn and not images."""
    found = simulate(World(60, 0.8, 0.5), studies=500)
    assert found.wilson_images < 0.80 < 0.90 < found.patients
