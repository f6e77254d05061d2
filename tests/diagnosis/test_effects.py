from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from heldout.diagnosis.effects import Effect
from heldout.diagnosis.rules import RULES

pytestmark = pytest.mark.numeric


def changed(lost: list[int], gained: list[int]) -> Effect:
    """One unit an entry, of ten images of class 0 where it loses so many and of class 1 where it gains so many."""
    before, after, labels, units = [], [], [], []
    for unit, (k, count) in enumerate([(0, n) for n in lost] + [(1, n) for n in gained]):
        worse = np.arange(10) < count
        before.append(np.where(worse, k == 0, True))
        after.append(np.where(worse, k == 1, True))
        labels.append(np.full(10, k))
        units.append(np.full(10, unit))
    flat = [np.concatenate(pieces) for pieces in (labels, before, after, units)]
    n = len(flat[0])
    share = np.bincount(flat[0], minlength=2) / n
    none = cast(Any, None)
    logits = np.zeros((n, 2))
    weights = np.ones((1, n), dtype=np.float32)
    ids = tuple(map(str, range(n)))
    return Effect(ids, flat[0], flat[1], flat[2], logits, logits, flat[3], weights, share[None], none, RULES.sign_draws)


def test_a_large_loss_of_one_class_is_not_hidden_by_a_small_gain_of_the_other() -> None:
    seen = changed([6] * 12, [1] * 10)
    assert binomtest(12, 22).pvalue > 0.5  # what counting patients alone would say
    assert seen.p < 0.01


def test_three_images_to_the_worse_are_chance_once_in_four() -> None:
    assert changed([1, 1, 1], []).p == pytest.approx(0.25)
    assert changed([1], []).p == changed([0], []).p == 1.0


@given(st.lists(st.integers(1, 10), min_size=1, max_size=10))
def test_the_signs_of_few_units_are_all_tried(lost: list[int]) -> None:
    seen = changed(lost, [])
    if len(lost) > 1:
        assert seen.p == pytest.approx(2 / 2 ** len(lost))  # all to the worse: one sign of 2^u, and its mirror
    assert changed(lost, lost).p == pytest.approx(1.0)
