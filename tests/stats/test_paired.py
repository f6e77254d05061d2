"""McNemar and Holm against statsmodels; laws of the paired difference."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_ztest

from heldout.stats.bootstrap import draw
from heldout.stats.estimates import difference_estimate
from heldout.stats.paired import holm, mcnemar, spread_points

answers = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@given(answers)
def test_mcnemar_is_that_of_statsmodels(rows: list[tuple[bool, bool]]) -> None:
    a, b = np.array(rows).T
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    expected = statsmodels_mcnemar(table, exact=True).pvalue
    assert mcnemar(a, b) == pytest.approx(expected)
    assert mcnemar(b, a) == mcnemar(a, b)


def test_two_runs_that_never_differ_have_p_one() -> None:
    a = np.array([True, False, True])
    assert mcnemar(a, a) == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    with mock.patch("gc.collect"):  # statsmodels calls it: half a second each time where much is imported
        assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_of_no_pair_is_empty() -> None:
    assert holm([]) == []


def test_the_founding_table_read_unpaired_and_then_corrected() -> None:
    """FACTS §1: of the six unpaired pairs two have p < .05 (.022 and .011); none survives a correction."""
    right = {"resnet frozen": 346, "mobilenet frozen": 328, "resnet finetune": 322, "mobilenet finetune": 319}
    names = list(right)
    p = {
        (a, b): proportions_ztest([right[a], right[b]], [400, 400])[1]
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    }
    below = sorted(round(value, 3) for value in p.values() if value < 0.05)
    assert below == [0.011, 0.022]
    assert min(holm(list(p.values()))) > 0.05


def test_spread_over_seeds_is_the_standard_deviation_in_points() -> None:
    assert spread_points([0.80, 0.82, 0.84]) == pytest.approx(2.0)
    assert spread_points([0.8]) is None
    assert spread_points([]) is None


@settings(max_examples=30, deadline=None)
@given(answers, st.integers(0, 3))
def test_swapping_the_runs_flips_the_sign(rows: list[tuple[bool, bool]], patients: int) -> None:
    a, b = np.array(rows).T
    n = len(a)
    names = [f"p{i // patients}" if patients else "" for i in range(n)]
    draws = draw(np.arange(n) % 2, [str(i) for i in range(n)], names, replicates=200)
    there, back = difference_estimate(a, b, draws), difference_estimate(b, a, draws)
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert there.low <= there.value <= there.high
    assert there.value == pytest.approx(100 * (a.mean() - b.mean()))


def test_runs_that_agree_everywhere_may_still_differ_elsewhere() -> None:
    right = np.ones(40, dtype=bool)
    draws = draw(np.zeros(40, dtype=int), [str(i) for i in range(40)], [f"p{i // 2}" for i in range(40)])
    found = difference_estimate(right, right, draws)
    assert found.value == 0
    assert found.high == -found.low == pytest.approx(100 * 1.959963984540054**2 / (20 + 1.959963984540054**2))
    assert "20 patients" in found.method
