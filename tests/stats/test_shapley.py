"""Shapley's value against the mean over all orders, and the laws that define it."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.stats.measured import Measured
from heldout.stats.shapley import shapley_shares

PLAYERS = "abcd"


def measured(value: float, replicates: tuple[float, ...] | None = None) -> Measured:
    drawn = np.array(replicates if replicates is not None else (value, value - 1, value + 2))
    return Measured(value, drawn, 50, "made")


def subsets(names: str) -> list[frozenset[str]]:
    return [frozenset(some) for size in range(1, len(names) + 1) for some in combinations(names, size)]


games = st.lists(st.floats(-50, 50), min_size=15, max_size=15).map(
    lambda values: {names: measured(value) for names, value in zip(subsets(PLAYERS), values, strict=True)}
)


@given(games)
def test_it_is_the_mean_of_what_one_adds_over_all_orders(game: dict[frozenset[str], Measured]) -> None:
    shares = shapley_shares(game, PLAYERS)
    for player in PLAYERS:
        added = []
        for order in permutations(PLAYERS):
            before = frozenset(order[: order.index(player)])
            added.append(game[before | {player}].value - (game[before].value if before else 0.0))
        assert shares[player].value == pytest.approx(np.mean(added), abs=1e-9)


@given(games)
def test_shares_sum_to_the_whole_in_every_replicate(game: dict[frozenset[str], Measured]) -> None:
    shares = shapley_shares(game, PLAYERS)
    whole = game[frozenset(PLAYERS)]
    assert sum(share.value for share in shares.values()) == pytest.approx(whole.value, abs=1e-9)
    np.testing.assert_allclose(sum(share.replicates for share in shares.values()), whole.replicates, atol=1e-9)


def test_who_adds_nothing_has_nothing_and_equals_have_the_same() -> None:
    game = {names: measured(40.0 if "a" in names or "b" in names else 0.0) for names in subsets("abc")}
    shares = shapley_shares(game, "abc")
    assert [round(shares[name].value, 9) for name in "abc"] == [20.0, 20.0, 0.0]


def test_only_the_players_asked_for_divide_and_a_missing_subset_is_an_error() -> None:
    game = {names: measured(10.0 * len(names)) for names in subsets("abc")}
    assert {name: share.value for name, share in shapley_shares(game, "ac").items()} == {"a": 10.0, "c": 10.0}
    del game[frozenset("ac")]
    with pytest.raises(KeyError):
        shapley_shares(game, "ac")
