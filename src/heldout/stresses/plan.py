"""Which changes are made for a study: every stress by itself at three amounts, and sites at which all come together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heldout.records.stress import Level
from heldout.stresses._shelf import stresses
from heldout.stresses.sites import DrawnSites, Sites
from heldout.stresses.stress import AnyStress, SharesStress, Stress

Reals = NDArray[np.float64]

LEVELS: tuple[Level, ...] = ("near", "middle", "far")
"""Amounts at which a stress is made: as far as the nearest, the median and the farthest pair of sites lie apart."""

CLEAN = "clean"
"""Variant of the images as they are."""

TOGETHER = "sites"
"""What the changes of drawn sites are called, among the stresses."""


@dataclass(frozen=True)
class Variant:
    """One change at one amount.

    Attributes:
        name: Name of the variant in tables of logits: `more far`.
        level: One of `LEVELS`.
        amount: Signed, in the stress's unit.
        words: What the images are then.
    """

    name: str
    level: Level
    amount: float
    words: str


@dataclass(frozen=True, eq=False)
class StressPlan:
    """What is made for a study.

    Attributes:
        sites: The measured pairs.
        single: Stresses on images, in the order in which several would be made.
        shares: Those that are other shares of the classes.
        together: Stresses on images that drawn sites consist of: the measured ones; p of them.
        drawn: The drawn sites, their shifts (J, p, k).
        factors: (J, k) what an image of each class counts at them.
    """

    sites: Sites
    single: tuple[Stress, ...]
    shares: tuple[SharesStress, ...]
    together: tuple[Stress, ...]
    drawn: DrawnSites
    factors: Reals

    def sizes(self, stress: AnyStress) -> tuple[float, float, float]:
        """The three amounts, in the stress's unit."""
        return self.sites.sizes(stress.name) if self.is_measured(stress) else stress.sizes

    def is_measured(self, stress: AnyStress) -> bool:
        """Whether that was measured between real sites."""
        return stress.name in self.sites.measured

    def variants(self, stress: Stress) -> tuple[Variant, ...]:
        """Its changes, to both sides where both can be made."""
        sides = (("less", -1, stress.less), ("more", 1, stress.more))
        return tuple(
            Variant(f"{side} {level}", level, sign * size, words)
            for side, sign, words in sides
            if words
            for level, size in zip(LEVELS, self.sizes(stress), strict=True)
        )


def plan_of(sites: Sites, classes: int, number: int, seed: int = 0, only: Sequence[str] | None = None) -> StressPlan:
    """What is made for a study.

    Args:
        sites: Measured pairs.
        classes: Number of its classes.
        number: Number of sites that are drawn.
        seed: Of the draw.
        only: Names of some stresses; None for all. The drawn sites are of these as well.
    """
    chosen = [stress for stress in stresses if only is None or stress.name in only]
    single = tuple(
        sorted((one for one in chosen if isinstance(one, Stress)), key=lambda stress: (stress.place, stress.name))
    )
    shares = tuple(one for one in chosen if isinstance(one, SharesStress))
    together = tuple(stress for stress in single if stress.name in sites.measured)
    drawn = sites.drawn([one.name for one in (*together, *shares)], classes, number, seed)  # (J, p + q, k)
    factors = np.ones((len(drawn.pairs), classes))
    for place, stress in enumerate(shares, start=len(together)):
        factors *= stress.factors(drawn.shifts[:, place])
    return StressPlan(
        sites, single, shares, together, DrawnSites(drawn.pairs, drawn.shifts[:, : len(together)]), factors
    )
