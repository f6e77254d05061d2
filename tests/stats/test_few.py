"""What few patients can say: effective numbers, spread replicates, what was never seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, t

from heldout.stats.few import (
    ALIKE_UNITS,
    FEW,
    effective_images,
    effective_of_area,
    jeffreys,
    spread,
    spread_factor,
    too_few_to_exclude,
)
from heldout.stats.intervals import Z95, unseen
from heldout.stats.units import Units


def units_of(sizes: list[int], strata: list[int] | None = None) -> Units:
    """Patients of these numbers of images."""
    stratum = np.array(strata if strata is not None else [0] * len(sizes))
    return Units(np.repeat(np.arange(len(sizes)), sizes), stratum, np.ones(len(sizes), dtype=bool))


def answers(sizes: list[int], hits: list[int]) -> np.ndarray:
    """The first `hits` images of each patient are right."""
    return np.concatenate([np.arange(size) < hit for size, hit in zip(sizes, hits, strict=True)])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_the_effective_number_lies_between_patients_and_images(patients: list[tuple[int, int]]) -> None:
    sizes = [size for size, _ in patients]
    right = answers(sizes, [min(size, hit) for size, hit in patients])
    units = units_of(sizes, [i % 2 for i in range(len(sizes))])
    assert len(sizes) <= effective_images(right, units) <= sum(sizes)
    assert effective_images(~right, units) == pytest.approx(effective_images(right, units))


def test_the_effective_number_of_many_patients_is_that_of_the_design_effect() -> None:
    """Kish: n / (1 + (m − 1)·rho) for patients of m images each."""
    rng = np.random.default_rng(0)
    for rho in (0.1, 0.5):
        chance = rng.beta(0.8 * (1 / rho - 1), 0.2 * (1 / rho - 1), 4000)
        right = (rng.random((4000, 6)) < chance[:, None]).ravel()
        expected = 24000 / (1 + 5 * rho)
        assert effective_images(right, units_of([6] * 4000)) == pytest.approx(expected, rel=0.06)


def test_the_effective_number_by_hand() -> None:
    """Two strata: patients with 2 of 2, 1 of 2 and 2 of 2, 0 of 2 images right."""
    right, units = answers([2, 2, 2, 2], [2, 1, 2, 0]), units_of([2, 2, 2, 2], [0, 0, 1, 1])
    p = 5 / 8
    left = np.array([2, 1, 2, 0]) - 2 * p
    seen = 2 * left[:2].var(ddof=1) + 2 * left[2:].var(ddof=1)
    drawn_in = (4 * p + 1) / 6
    variance = (2 * seen + ALIKE_UNITS * 4 * 4 * drawn_in * (1 - drawn_in)) / (2 + ALIKE_UNITS) / 64
    assert effective_images(right, units) == pytest.approx(np.clip(p * (1 - p) / variance, 4, 8))


def test_the_effective_number_of_an_auc_by_hand() -> None:
    units = units_of([2] * 10, [0] * 6 + [1] * 4)
    replicates = np.array([0.7, 0.8, 0.9, np.nan, 0.95, 0.85])
    seen = np.nanvar(replicates) * 10 / 8
    drawn_in = (0.84 * 4 + 1) / 6
    variance = (8 * seen + drawn_in * (1 - drawn_in) / 4) / 9
    assert effective_of_area(0.84, replicates, units, 4) == pytest.approx(0.84 * 0.16 / variance)
    assert effective_of_area(0.999, replicates, units, 4) == 4, "never below the rarer class's patients"


def test_a_patient_alone_in_its_class_is_judged_with_others() -> None:
    """A stratum of one has no spread; left out, a lone patient would count for nothing."""
    sizes = [4] * 9
    right = answers(sizes, [4, 4, 4, 4, 4, 4, 4, 3, 0])
    alone = effective_images(right, units_of(sizes, [0] * 8 + [1]))
    assert alone == pytest.approx(effective_images(right, units_of(sizes)))
    assert alone < 36


def test_replicates_are_spread_by_students_quantile_and_the_lost_degrees_of_freedom() -> None:
    twelve = units_of([3] * 12, [i % 2 for i in range(12)])
    assert spread_factor(twelve) == pytest.approx(t.ppf(0.975, 10) / Z95 * np.sqrt(12 / 10))
    assert spread_factor(units_of([1] * FEW)) == 1.0
    assert spread_factor(units_of([1, 1], [0, 1])) == 1.0, "nothing is drawn, so there is nothing to spread"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-9, 9), min_size=3, max_size=9), st.floats(1, 3))
def test_spread_terms_still_sum_to_the_spread_whole(numbers: list[float], factor: float) -> None:
    a, b = np.array(numbers), np.array(numbers[::-1]) ** 2
    whole = spread(a[0] + b[0], a + b, factor)
    assert whole == pytest.approx(spread(a[0], a, factor) + spread(b[0], b, factor))


def test_draws_that_stand_in_for_replicates_have_the_quantiles_of_the_prior() -> None:
    drawn = jeffreys(1.0, 20, 20000)
    expected = beta.ppf([0.025, 0.5, 0.975], 20.5, 0.5)
    assert np.percentile(drawn, [2.5, 50, 97.5]) == pytest.approx(expected, abs=0.004)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4000), st.floats(0.001, 0.5))
def test_what_is_needed_to_exclude_is_what_excludes(units: int, share: float) -> None:
    needed = too_few_to_exclude(units, share)
    assert (needed == 0) == (unseen(units) <= share)
    if needed:
        assert needed > units and unseen(needed) <= share * (1 + 1e-9) and unseen(needed - 1) > share
