"""The largest of many differences is held against the largest that chance makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from heldout.stats.max_statistic import single_step


def test_independent_differences_need_what_sidak_says() -> None:
    null = np.random.default_rng(0).standard_normal((20000, 10))
    expected = norm.ppf(1 - (1 - 0.95 ** (1 / 10)) / 2)
    assert single_step(np.zeros(10), null, 0.05).critical == pytest.approx(expected, abs=0.03)


def test_the_same_difference_ten_times_is_one() -> None:
    one = np.random.default_rng(1).standard_normal((20000, 1))
    many = single_step(np.full(10, 2.1), np.repeat(one, 10, axis=1), 0.05)
    assert many.critical == pytest.approx(1.96, abs=0.04) and (many.p < 0.05).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), groups=st.integers(1, 12))
def test_p_and_interval_agree(seed: int, groups: int) -> None:
    """A difference is significant just where its interval leaves 0 out, but for the replicate added to p."""
    rng = np.random.default_rng(seed)
    t = 3 * rng.standard_normal(groups)
    found = single_step(t, rng.standard_normal((999, groups)), 0.05)
    clear = np.abs(np.abs(t) - found.critical) > 0.2
    assert ((found.p <= 0.05) == (np.abs(t) >= found.critical))[clear].all()
    assert (found.p > 0).all() and (found.p <= 1).all()


def test_no_differences() -> None:
    assert single_step(np.empty(0), np.empty((10, 0)), 0.05).p.shape == (0,)
