"""What few patients can say: effective numbers, spread replicates, what was never seen."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.interval_coverage import one_class_of_few
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm, t

from heldout.stats.bootstrap import Resamples, draw
from heldout.stats.few import (
    ALIKE_UNITS,
    FEW,
    effective_images,
    effective_of_area,
    jeffreys,
    spread,
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
def test_the_effective_number_lies_between_that_of_patients_all_alike_and_images(
    patients: list[tuple[int, int]],
) -> None:
    sizes = [size for size, _ in patients]
    right = answers(sizes, [min(size, hit) for size, hit in patients])
    units = units_of(sizes, [i % 2 for i in range(len(sizes))])
    alike = len(sizes) if right.all() or not right.any() else sum(sizes) ** 2 / sum(size**2 for size in sizes)
    assert alike * (1 - 1e-9) <= effective_images(right, units) <= sum(sizes)
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
    """Only the four units of one stratum vary: 4/3 of the variance of the replicates, with three degrees of freedom."""
    drawn = draws_of([0] * 6 + [1] * 4)
    replicates = 0.8 + 0.01 * drawn.totals(np.array([0] * 6 + [1, 2, 3, 6]))
    drawn_in = (0.84 * 4 + 1) / 6
    variance = (3 * replicates.var() * 4 / 3 + drawn_in * (1 - drawn_in) / 4) / 4
    found = effective_of_area(0.84, replicates, drawn.units, drawn.few, 4)
    assert found == pytest.approx(0.84 * 0.16 / variance, rel=0.02)
    sure = effective_of_area(0.999, replicates, drawn.units, drawn.few, 4)
    assert sure == 4, "never below the rarer class's patients"


def test_a_patient_alone_in_its_class_is_judged_with_others() -> None:
    """A stratum of one has no spread; left out, a lone patient would count for nothing."""
    sizes = [4] * 9
    right = answers(sizes, [4, 4, 4, 4, 4, 4, 4, 3, 0])
    alone = effective_images(right, units_of(sizes, [0] * 8 + [1]))
    assert alone == pytest.approx(effective_images(right, units_of(sizes)))
    assert alone < 36


def draws_of(strata: list[int], replicates: int = 4000) -> Resamples:
    """Draws of one image a patient, in these strata."""
    return draw(np.array(strata), [f"{i:03}" for i in range(len(strata))], [""] * len(strata), replicates=replicates)


def test_alike_strata_have_all_their_degrees_of_freedom_and_one_that_varies_alone_its_own() -> None:
    """u units in s strata: (u − s)/u of the variance, and u − s degrees of freedom (Davison & Hinkley 1997, §2.3.2)."""
    drawn = draws_of([i % 2 for i in range(12)])
    values = np.arange(12) // 2.0
    both = t.ppf(0.975, 10) / Z95 * np.sqrt(12 / 10)
    assert drawn.few.factor(drawn.totals(values)) == pytest.approx(both, rel=0.01)
    assert drawn.few.factor(drawn.totals(values), 0.01) == pytest.approx(
        t.ppf(0.995, 10) / norm.ppf(0.995) * np.sqrt(1.2), rel=0.01
    )
    own = t.ppf(0.975, 5) / Z95 * np.sqrt(6 / 5)
    assert drawn.few.factor(drawn.totals(values * (np.arange(12) % 2))) == pytest.approx(own, rel=0.01)
    assert draws_of([0] * FEW).few.factor(np.arange(4000.0)) == 1.0, "a stratum of many counts as known"
    assert draws_of([0, 1]).few.factor(np.arange(4000.0)) == 1.0, "nothing is drawn, so there is nothing to spread"


def test_the_factor_is_satterthwaites_of_the_strata_of_this_number() -> None:
    drawn = draws_of([0] * 200 + [1] * 5 + [2] * 12, 20000)
    values = np.random.default_rng(3).normal(size=217)
    values[200:] *= [3.0] * 5 + [2.0] * 12
    parts = [m * values[first : first + m].var() for first, m in ((0, 200), (200, 5), (205, 12))]
    of_few = np.array([parts[1] * 5 / 4, parts[2] * 12 / 11])
    whole = parts[0] + of_few.sum()
    df = whole**2 / (of_few**2 / [4, 11]).sum()
    expected = t.ppf(0.975, df) / Z95 * np.sqrt(whole / sum(parts))
    assert drawn.few.factor(drawn.totals(values)) == pytest.approx(expected, rel=0.02)
    assert drawn.few.factor(drawn.totals(values * (np.arange(217) < 200))) == pytest.approx(1, abs=0.002)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(-50, 50), st.floats(0.01, 100))
def test_neither_the_unit_nor_what_is_not_finite_moves_the_factor(seed: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    strata = rng.integers(0, 4, 30).tolist()
    drawn = draws_of(strata, 300)
    replicates = drawn.totals(rng.normal(size=30))
    factor = drawn.few.factor(replicates)
    assert factor >= 1 and drawn.few.factor(shift - scale * replicates) == pytest.approx(factor)
    assert drawn.few.factor(np.append(replicates, np.nan)[1:]) > 0
    both = drawn.few.factors(np.stack([replicates, np.ones(300)]))
    assert both.tolist() == [pytest.approx(factor), 1.0]


@pytest.mark.parametrize(("few", "rho", "uneven"), [(3, 0.1, False), (4, 0.5, True)])
def test_few_patients_of_one_class_beside_many_of_another_are_few(few: int, rho: float, uneven: bool) -> None:
    """Planted truth: no gap, no difference, 85 % right in both classes; few patients have most images.

    Together with those of the other class they are enough for no correction: gaps were missed in 14 of 100 studies, and
    accuracies in up to 30.
    """
    found = one_class_of_few(few, rho, uneven, 200)
    assert found["gap, percentiles"][0] < 0.91
    assert all(found[name][0] > 0.92 for name in ("gap", "recall", "accuracy", "AUC")), found
    assert found["difference"][0] > 0.90, found


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
