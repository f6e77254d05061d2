"""Connected components, held against those of scipy."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from heldout.connected import connected


@given(st.integers(1, 25), st.data())
def test_components_and_their_order_are_those_of_scipy(n: int, data: st.DataObject) -> None:
    thing = st.integers(0, n - 1)
    pairs = data.draw(st.lists(st.tuples(thing, thing), max_size=40))
    first, second = np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (first, second)), shape=(n, n))
    expected = connected_components(graph, directed=False)[1]
    assert connected(first, second, n).tolist() == expected.tolist()


def test_a_chain_of_many_is_one() -> None:
    n = 20_000
    backwards = np.arange(n - 1)[::-1]
    assert not connected(backwards + 1, backwards, n).any()


def test_of_nothing_there_is_nothing() -> None:
    assert len(connected([], [], 0)) == 0
