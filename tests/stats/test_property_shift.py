"""Shifts of named properties: the cluster-robust variance against statsmodels, and false alarms by simulation."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from heldout.stats.property_shift import mean_variance, property_shifts

pytestmark = pytest.mark.numeric


def patients(rng: np.random.Generator, count: int, alike: float) -> tuple[np.ndarray, list[str]]:
    """One to six images of each patient; `alike` is the share of the variance that lies between patients."""
    sizes = rng.integers(1, 7, count)
    means = np.repeat(rng.standard_normal(count), sizes) * np.sqrt(alike)
    values = means + np.sqrt(1 - alike) * rng.standard_normal(sizes.sum())
    return values[:, None], [f"p{i}" for i in np.repeat(np.arange(count), sizes)]


def test_the_variance_is_that_of_statsmodels() -> None:
    values, groups = patients(np.random.default_rng(0), 25, 0.5)
    units = np.unique(groups, return_inverse=True)[1]
    fit = sm.OLS(values[:, 0], np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": units})
    variance, dof = mean_variance(values[:, 0], units)
    assert variance == pytest.approx(fit.bse[0] ** 2, rel=1e-9) and dof == 24


def test_with_one_image_a_patient_it_is_welchs_t() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((40, 1)), 0.4 + 1.5 * rng.standard_normal((60, 1))
    (found,) = property_shifts(x, y, ["a"], [""] * 40, [""] * 60)
    assert found.p == pytest.approx(ttest_ind(x[:, 0], y[:, 0], equal_var=False).pvalue, rel=1e-6)
    assert found.smd == pytest.approx((y.mean() - x.mean()) / np.sqrt((x.var() + y.var()) / 2))
    assert found.low < found.smd < found.high


def test_false_alarms_are_five_in_a_hundred_though_images_of_patients_are_alike() -> None:
    rng = np.random.default_rng(2)
    studies = 400
    clustered = by_image = covered = 0
    for _ in range(studies):
        (x, of_x), (y, of_y) = patients(rng, 40, 0.8), patients(rng, 30, 0.8)
        (found,) = property_shifts(x, y + 0.5, ["a"], of_x, of_y)
        covered += found.low <= 0.5 <= found.high
        (null,) = property_shifts(x, y, ["a"], of_x, of_y)
        clustered += null.p < 0.05
        by_image += bool(ttest_ind(x[:, 0], y[:, 0]).pvalue < 0.05)
    assert 0.02 <= clustered / studies <= 0.085
    assert by_image / studies > 0.2, "what counting images as independent would claim"
    assert 0.91 <= covered / studies <= 0.98


def test_the_shifted_property_comes_first_and_the_constant_one_is_left_out() -> None:
    rng = np.random.default_rng(3)
    P, Q = rng.standard_normal((200, 4)), rng.standard_normal((150, 4))
    Q[:, 2] -= 0.7
    P[:, 3] = Q[:, 3] = 0
    found = property_shifts(P, Q, ["a", "b", "c", "grey"], [""] * 200, [""] * 150)
    assert found[0].name == "c" and len(found) == 3
    assert found[0].smd == pytest.approx(-0.7, abs=0.25) and found[0].p_holm < 0.001
    assert found[0].p_holm == pytest.approx(3 * found[0].p)
    assert all(shift.p_holm >= shift.p for shift in found)


def test_two_constants_that_differ() -> None:
    (found,) = property_shifts(np.zeros((5, 1)), np.ones((4, 1)), ["a"], [""] * 5, [""] * 4)
    assert found.p == 0 and found.smd == np.inf


@given(st.integers(0, 500), st.floats(0.1, 10), st.floats(-50, 50))
def test_units_and_order_do_not_matter_and_swapping_turns_the_sign(seed: int, scale: float, offset: float) -> None:
    rng = np.random.default_rng(seed)
    (x, of_x), (y, of_y) = patients(rng, 8, 0.3), patients(rng, 6, 0.3)
    (found,) = property_shifts(x, y, ["a"], of_x, of_y)
    order = rng.permutation(len(x))
    moved = property_shifts(x[order] * scale + offset, y * scale + offset, ["a"], [of_x[i] for i in order], of_y)[0]
    assert (moved.smd, moved.p) == pytest.approx((found.smd, found.p), rel=1e-6)
    (swapped,) = property_shifts(y, x, ["a"], of_y, of_x)
    assert (swapped.smd, swapped.low, swapped.p) == pytest.approx((-found.smd, -found.high, found.p))


def test_bad_input_is_refused() -> None:
    x = np.zeros((3, 1))
    for call, words in (
        ((x, x, ["a", "b"], [""] * 3, [""] * 3), "properties"),
        ((x, x, ["a"], [""] * 2, [""] * 3), "patients"),
        ((x, x * np.nan, ["a"], [""] * 3, [""] * 3), "finite"),
        ((x, x, ["a"], ["p"] * 3, [""] * 3), "two or more patients"),
    ):
        with pytest.raises(ValueError, match=words):
            property_shifts(*call)
