"""Shapley's value: what each of several changes has of what all of them do together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import combinations
from math import factorial

from heldout.stats.measured import Measured


def shapley_shares(worth: Mapping[frozenset[str], Measured], players: Collection[str]) -> dict[str, Measured]:
    """Each player's share of what all of them do, which sum to that exactly, in every replicate.

    The mean, over all orders in which the players may come, of what one adds to those before it (Shapley 1953).

    Args:
        worth: What every non-empty subset of the players does, from one bootstrap; none does nothing. Further subsets
            are passed over.
        players: Two or more.

    Raises:
        KeyError: A subset is missing.

    >>> import numpy as np
    >>> from heldout.stats.measured import Measured
    >>> worth = {frozenset(names): Measured(value, np.full(3, value), 9, "made")
    ...          for names, value in (("a", 40.0), ("b", 30.0), ("ab", 50.0))}
    >>> {name: share.value for name, share in shapley_shares(worth, "ab").items()}
    {'a': 30.0, 'b': 20.0}
    """
    whole = sorted(set(players))
    n = len(whole)
    shares: dict[str, Measured] = {}
    for player in whole:
        others = [name for name in whole if name != player]
        share = Measured.constant(0.0, worth[frozenset([player])])
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for before in combinations(others, size):
                added = worth[frozenset([*before, player])]
                share = share + (added - worth[frozenset(before)] if before else added) * weight
        alone = worth[frozenset([player])]
        shares[player] = replace(share, n=alone.n, method=alone.method)
    return shares
