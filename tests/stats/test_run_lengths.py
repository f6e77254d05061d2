"""The runs test: its moments against all orders, its p by simulation, and the order that ids have."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from heldout.stats.run_lengths import moments, split_is_blocked


def runs(order: tuple[int, ...]) -> int:
    return 1 + sum(a != b for a, b in pairwise(order))


@pytest.mark.parametrize("counts", [(3, 2), (1, 4), (2, 2, 2), (1, 2, 3), (5,), (1,)])
def test_the_moments_are_those_of_all_orders(counts: tuple[int, ...]) -> None:
    things = [kind for kind, count in enumerate(counts) for _ in range(count)]
    found = [runs(order) for order in permutations(things)]
    assert moments(np.array(counts, dtype=float)) == pytest.approx((np.mean(found), np.var(found)))


def test_p_of_random_splits_is_uniform_and_blocks_are_found() -> None:
    rng = np.random.default_rng(0)
    ids = [f"p{i}" for i in range(60)] + [f"q{i}" for i in range(50)]
    ps = []
    for _ in range(300):
        split = np.where(rng.random(110) < 0.3, "test", "train").tolist()
        ps.append(split_is_blocked(ids, split).p)
    assert abs(np.mean(ps) - 0.5) < 0.08 and np.mean(np.array(ps) <= 0.05) <= 0.08
    blocks = split_is_blocked(ids, ["test"] * 20 + ["train"] * 40 + ["train"] * 30 + ["test"] * 20)
    assert blocks.blocked and (blocks.runs, blocks.ids) == (4, 110) and blocks.p < 1e-6
    assert "4 stretches" in blocks.words and "in blocks of ids, not at random" in blocks.words


def test_kinds_of_id_are_counted_apart_and_added() -> None:
    """Blocks of two kinds of id: p is that of a normal distribution with the sums of their means and variances."""
    parts = {"p": [12, 6], "q": [5, 10]}  # train, then test
    rows = [(f"{form}{i}", i >= train) for form, (train, test) in parts.items() for i in range(train + test)]
    found = split_is_blocked([key for key, _ in rows], ["test" if late else "train" for _, late in rows])
    mean, variance = np.sum([moments(np.array(counts, dtype=float)) for counts in parts.values()], axis=0)
    assert found.runs == 4 and found.expected == pytest.approx(mean)
    assert found.p == pytest.approx(norm.cdf((4 - mean + 0.5) / np.sqrt(variance)))


def test_numbers_are_ordered_as_numbers_and_patients_count_once_a_part() -> None:
    ids = ["p9", "p10", "p2", "p1", "p1", "p11"]
    found = split_is_blocked(ids, ["train", "test", "train", "train", "train", "test"])
    assert (found.runs, found.ids) == (2, 5)
    crossing = split_is_blocked(["p1", "p1", "p2"], ["train", "test", "test"])
    assert crossing.ids == 3


@given(st.lists(st.sampled_from(["train", "val", "test", ""]), min_size=1, max_size=30), st.randoms())
def test_rows_in_any_order_say_the_same(split: list[str], random: object) -> None:
    ids = [f"p{i}" for i in range(len(split))]
    found = split_is_blocked(ids, split)
    rows = list(range(len(split)))
    random.shuffle(rows)  # type: ignore[attr-defined]
    assert split_is_blocked([ids[i] for i in rows], [split[i] for i in rows]) == found
    assert 0 <= found.p <= 1 and found.ids == sum(part != "" for part in split)


def test_one_part_tests_nothing() -> None:
    found = split_is_blocked(["a1", "a2"], ["train", "train"])
    assert found.p == 1 and not found.blocked and "nothing can be tested" in found.words
