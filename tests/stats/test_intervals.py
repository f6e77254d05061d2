"""Closed-form intervals against statsmodels and against the founding table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from heldout.stats.intervals import difference, unseen, wilson

pytestmark = pytest.mark.numeric


@pytest.mark.parametrize("n", [1, 2, 7, 40, 400, 100_000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.99, 1.0])
def test_wilson_is_that_of_statsmodels(n: int, share: float) -> None:
    successes = round(share * n)
    assert wilson(successes, n) == pytest.approx(proportion_confint(successes, n, method="wilson"), abs=1e-12)


@pytest.mark.parametrize(
    ("right", "expected"), [(346, (82.8, 89.5)), (322, (76.3, 84.1)), (328, (77.9, 85.5)), (319, (75.5, 83.4))]
)
def test_wilson_of_the_founding_experiment(right: int, expected: tuple[float, float]) -> None:
    assert tuple(round(100 * end, 1) for end in wilson(right, 400)) == expected


@given(st.integers(1, 5000), st.floats(0, 1))
def test_wilson_contains_its_estimate_and_narrows_with_n(n: int, share: float) -> None:
    low, high = wilson(share * n, n)
    assert 0 <= low <= share <= high <= 1 or (share * n / n != share and low <= share * n / n <= high)
    wide = wilson(share * n, n)
    narrow = wilson(share * 4 * n, 4 * n)
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 4), (5, 4)])
def test_wilson_refuses_what_is_no_proportion(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="expected 0 ≤ successes ≤ n"):
        wilson(successes, n)


def test_unseen_is_wilson_of_none() -> None:
    assert unseen(47) == pytest.approx(proportion_confint(0, 47, method="wilson")[1])
    assert unseen(1000) < unseen(10)


@pytest.mark.parametrize(("a", "n", "b", "m"), [(56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20), (95, 100, 340, 400)])
def test_difference_is_newcombes(a: int, n: int, b: int, m: int) -> None:
    expected = confint_proportions_2indep(a, n, b, m, method="newcomb", compare="diff")
    assert difference(a / n, wilson(a, n), b / m, wilson(b, m)) == pytest.approx(expected, abs=1e-9)
