"""A sub-population that only test has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from heldout.phantoms.choose import fill, shares_of, used
from heldout.phantoms.plant import SPLIT, TRUE_LABEL, Lots
from heldout.phantoms.plants._subgroup import SubgroupPlant
from heldout.phantoms.world import SPLITS


@dataclass(frozen=True, kw_only=True)
class Withheld(SubgroupPlant):
    """Withholds a sub-population from train and validation; test keeps it. Class shares stay as they are.

    By default it is, in each class, the cells with the lowest spicules in a phantom, and the darkest of other images.
    The twin's test lacks the sub-population as well. A phantom draws further images of the same patients, and the parts
    keep their sizes; other sets of images take what is marked spare, and shrink where that is too little.

    Attributes:
        fraction: Severity: share of the training images of a class that belong to the sub-population, between 0 and 1.
        by: Column that tells who belongs: a latent number, `site`, any other of the table, or `brightness`, `contrast`,
            `sharpness`, which are measured on images that do not have them.
        value: The value that members have, whatever their share; empty if the column is a number.
        tail: Which numbers make a member: the `low`est or the `high`est of the training images of its class.
        classes: Classes that have members, by their true label; none for all.
        planted: False withholds it from test too.
    """

    name: ClassVar[str] = "withheld"
    title: ClassVar[str] = "a sub-population that only test has"
    cause: ClassVar[str] = "covariate-shift"
    severity: ClassVar[str] = "fraction"
    levels: ClassVar[tuple[float, float, float]] = (0.2, 0.35, 0.5)
    spare: ClassVar[dict[str, float]] = {"train": 4.0, "val": 4.0, "test": 4.0}

    fraction: float = 0.35

    def on_table(self, table: pd.DataFrame, lots: Lots, dose: str) -> pd.DataFrame:
        """Drop the members from train and val, and fill the gaps."""
        parts = SPLITS[:2] if self.planted else SPLITS
        gone = self.members(table) & table[SPLIT].isin(parts).to_numpy(dtype=bool)
        groups = ["" if out else str(label) for label, out in zip(table[TRUE_LABEL], gone, strict=True)]
        filled = table
        for part in parts:
            if used(table, part).any():
                filled = fill(filled, part, groups, shares_of(table, part), lots)
        return filled[~gone].reset_index(drop=True)


PLANT = Withheld
