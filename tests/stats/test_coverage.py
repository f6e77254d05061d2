"""The intervals hold the truth about as often as they say (docs/statistics.md has the whole table)."""

from __future__ import annotations

import pytest
from benchmarks.interval_coverage import accuracy, area, gap, paired
from benchmarks.pair_tests import MEAN, accuracies, areas

pytestmark = pytest.mark.slow

STUDIES = 500
"""Their binomial error is 1 point at 95 %."""


@pytest.mark.parametrize("chance", [0.7, 0.97])
@pytest.mark.parametrize("rho", [0.0, 0.7])
@pytest.mark.parametrize("units", [6, 12, 60])
def test_an_accuracy_is_covered_with_few_patients(units: int, rho: float, chance: float) -> None:
    assert accuracy(units, 5, rho, chance, STUDIES)["used"][0] > 0.90


def test_intervals_that_take_images_as_independent_or_patients_as_many_do_not_cover() -> None:
    """Why patients are drawn and not images, and why percentiles are not enough."""
    found = accuracy(12, 20, 0.7, 0.97, STUDIES)
    assert found["Wilson, images"][0] < 0.60
    assert found["percentiles"][0] < 0.90


@pytest.mark.parametrize("units", [(12, 12), (60, 60), (12, 60)])
def test_a_gap_is_covered(units: tuple[int, int]) -> None:
    assert gap(units, 5, 0.3, (0.9, 0.7), STUDIES)["used"][0] > 0.91


@pytest.mark.parametrize("units", [12, 60])
def test_a_difference_of_two_runs_is_covered(units: int) -> None:
    assert paired(units, 5, 0.3, 0.9, (0.3, 0.1), STUDIES)["used"][0] > 0.90


def test_an_auc_is_covered() -> None:
    assert area(60, 5, 0.3, 1.0, STUDIES)["used"][0] > 0.91


def test_patients_as_units_keep_the_level_of_a_pair_where_images_do_not() -> None:
    images, flips, _, distinguishable = accuracies(60, 0.7, (MEAN, MEAN), STUDIES)
    assert images > 15 and flips < 8 and distinguishable < 8


@pytest.mark.parametrize("mixed", [False, True])
def test_a_difference_of_two_aucs_is_covered(mixed: bool) -> None:
    found = areas(30, 0.7, mixed, (MEAN, 0.8 * MEAN), STUDIES // 2)
    assert found["used"][0] > 91
    assert found["DeLong, images"][0] < 85
