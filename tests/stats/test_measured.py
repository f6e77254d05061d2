"""Numbers with their replicates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from heldout.stats.measured import Measured, mean_over_seeds, never_certain, recentred, simultaneous

RNG = np.random.default_rng(0)


def made(value: float, spread: float = 1.0, n: int = 50) -> Measured:
    return Measured(value, RNG.normal(value, spread, 4000), n, "made")


def test_sums_and_differences_keep_the_dependence() -> None:
    a, b = made(3.0), made(1.0)
    assert (a + b - b).replicates == pytest.approx(a.replicates)
    assert (a - a).interval() == (0.0, 0.0)
    assert (a * -2.0).low == pytest.approx(-2 * a.high)


def test_an_interval_holds_its_value_and_leaves_out_what_is_no_number() -> None:
    odd = Measured(9.0, np.array([1.0, 2.0, np.nan]), 3, "made")
    assert odd.high == 9.0
    assert Measured(1.0, np.full(5, np.nan), 3, "made").interval() == (1.0, 1.0)
    assert odd.varies and not Measured.constant(2.0, odd).varies


def test_replicates_are_moved_to_the_value() -> None:
    moved = recentred(2.0, np.array([5.0, 7.0, np.nan]))
    assert np.nanmean(moved) == pytest.approx(2.0)


def test_an_interval_for_many_comparisons_is_wider_by_the_ratio_of_quantiles() -> None:
    one = made(2.0)
    five = simultaneous(one, 5)
    assert (five.high - 2) / (one.high - 2) == pytest.approx(norm.ppf(0.995) / norm.ppf(0.975))
    assert simultaneous(one, 1) is one


def test_a_number_that_does_not_vary_is_doubted_and_one_that_does_stays() -> None:
    sure = never_certain(Measured(100.0, np.full(2000, 100.0), 60, "made"), 12)
    assert sure.value == 100 and sure.low == pytest.approx(81, abs=2.5)
    assert never_certain(Measured(0.0, np.zeros(2000), 60, "made"), 12).high == pytest.approx(19, abs=2.5)
    assert never_certain(vague := made(50.0), 12) is vague


def test_the_mean_over_seeds_has_the_doubt_of_seeds_too() -> None:
    replicates = RNG.normal(0, 1, 4000)
    each = [Measured(value, value + replicates, 50, "made") for value in (1.0, 2.0, 3.0, 6.0)]
    mean = mean_over_seeds(each, each, 0)
    assert mean.value == 3.0
    spread = float(np.std([1, 2, 3, 6], ddof=1))
    half = (mean.high - mean.low) / 2
    assert half > 1.96 * np.hypot(1, spread / 2)
    assert mean_over_seeds(each, [each[0], each[0]], 0).replicates == pytest.approx(3.0 + replicates)
