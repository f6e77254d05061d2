"""What differed between real sites, and sites that are drawn from it.

`sites.csv` holds, for every pair of sites, class and stress, how far the images of the second site lay from those of
the first, in the unit of the stress. `benchmarks/stress_forecast.py anchors` measures it; docs/stress.md shows it.

A drawn site differs from the one at hand as the sites of one of the pairs differ: each class of the study is given all
shifts of one class of that pair, drawn at random, and in half of the sites all of them are turned round. So properties
that went together between real sites go together, one class may change where others do not (as in the chest X-rays),
and near and far sites are told apart. Nothing is assumed of a distribution, and nothing is made that was not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Reals = NDArray[np.float64]

TABLE = Path(__file__).with_name("sites.csv")


@dataclass(frozen=True, eq=False)
class DrawnSites:
    """Sites that differ as real ones did.

    Attributes:
        pairs: (J,) the pair that each is like.
        shifts: (J, p, k) amount of each stress for each class.
    """

    pairs: tuple[str, ...]
    shifts: Reals


@dataclass(frozen=True, eq=False)
class Sites:
    """Measured shifts.

    Attributes:
        table: One row a pair, class and stress: `pair`, `class`, `stress`, `shift` in the stress's unit.
    """

    table: pd.DataFrame

    @property
    def pairs(self) -> tuple[str, ...]:
        """Names of the pairs."""
        return tuple(dict.fromkeys(self.table["pair"]))

    @property
    def measured(self) -> tuple[str, ...]:
        """Names of the stresses that some pair was measured in."""
        return tuple(dict.fromkeys(self.table["stress"]))

    def pairs_of(self, stress: str) -> tuple[str, ...]:
        """Names of the pairs that a stress was measured in."""
        return tuple(dict.fromkeys(self.table.loc[self.table["stress"] == stress, "pair"]))

    def without(self, pairs: Sequence[str]) -> Sites:
        """The same without some pairs: what is said of them must not come from them."""
        return Sites(self.table[~self.table["pair"].isin(pairs)].reset_index(drop=True))

    def sizes(self, stress: str) -> tuple[float, float, float]:
        """How far two sites lie apart: the nearest, the median and the farthest pair.

        Of a pair it is the root of the mean squared shift of its classes.

        >>> rows = [("a", "x", "noise", 1.0), ("a", "y", "noise", 7.0), ("b", "x", "noise", -2.0)]
        >>> Sites(pd.DataFrame(rows, columns=["pair", "class", "stress", "shift"])).sizes("noise")
        (2.0, 3.5, 5.0)
        """
        own = self.table[self.table["stress"] == stress]
        each = np.sqrt((own["shift"] ** 2).groupby(own["pair"]).mean().to_numpy(dtype=np.float64))
        return float(each.min()), float(np.median(each)), float(each.max())

    def drawn(self, names: Sequence[str], classes: int, number: int, seed: int) -> DrawnSites:
        """New sites, every pair taken in turn, first as it was measured, then turned round.

        Args:
            names: p stresses; one that a pair was not measured in stays 0.
            classes: Number of classes k of the study.
            number: Number of sites J; a multiple of twice the number of pairs takes each pair alike.
            seed: Of the draw; a site does not depend on how many are drawn after it.
        """
        profiles = {pair: self._profiles(pair, names) for pair in self.pairs}
        pairs = tuple(self.pairs[j % len(self.pairs)] for j in range(number if self.pairs else 0))
        shifts = np.zeros((len(pairs), len(names), classes))
        for j, pair in enumerate(pairs):
            chosen = np.random.default_rng((seed, 41, j)).integers(len(profiles[pair]), size=classes)
            sign = -1 if j // len(self.pairs) % 2 else 1
            shifts[j] = sign * profiles[pair][chosen].T
        return DrawnSites(pairs, shifts)

    def _profiles(self, pair: str, names: Sequence[str]) -> Reals:
        """(classes of the pair, p) shifts, 0 where the pair was not measured."""
        own = self.table[self.table["pair"] == pair].pivot(index="class", columns="stress", values="shift")
        profiles: Reals = own.reindex(columns=list(names)).fillna(0.0).to_numpy(dtype=np.float64)
        return profiles


@cache
def measured_sites() -> Sites:
    """The pairs that come with the package."""
    return Sites(pd.read_csv(TABLE))
