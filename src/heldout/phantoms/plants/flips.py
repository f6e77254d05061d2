"""Wrong labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from heldout.phantoms.choose import smallest, used
from heldout.phantoms.plant import (
    ID,
    LABEL,
    SPLIT,
    TRUE_LABEL,
    Lots,
    Plant,
    check_parts,
    classes_of,
    of_classes,
)


@dataclass(frozen=True, kw_only=True)
class Flips(Plant):
    """Gives images the label of another class, chosen by lot; `true_label` keeps what they are.

    Of every class and part exactly the given share is flipped, up to rounding to whole images. With `classes` only
    images that truly are of these classes (one-class noise), else all alike (symmetric noise).

    Attributes:
        rate: Severity: share of the images that is flipped, 0 to 1.
        classes: Classes whose images are flipped, by their true label; none for all.
        parts: Parts of the split whose labels are flipped.
        planted: False leaves the labels of validation and test right.
    """

    name: ClassVar[str] = "flips"
    title: ClassVar[str] = "wrong labels"
    cause: ClassVar[str] = "labels"
    severity: ClassVar[str] = "rate"
    levels: ClassVar[tuple[float, float, float]] = (0.05, 0.10, 0.20)

    rate: float = 0.10
    classes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ("test",)

    def __post_init__(self) -> None:
        check_parts(self.parts)
        if not 0 <= self.rate <= 1:
            raise ValueError(f"expected a rate from 0 to 1; found {self.rate}")

    def on_table(self, table: pd.DataFrame, lots: Lots, dose: str) -> pd.DataFrame:
        """Other labels for the images with the smallest lots."""
        concerned, every = of_classes(table, self.classes, self.name), classes_of(table)
        flipped = np.zeros(len(table), dtype=bool)
        for part in [part for part in self.parts if self.planted or part == "train"]:
            for label in every:
                among = concerned & ((table[SPLIT] == part) & (table[TRUE_LABEL] == label)).to_numpy(dtype=bool)
                count = round(self.rate * int((among & used(table, part)).sum()))
                flipped |= smallest(table, among, count, lots)
        labels, second = table[LABEL].to_numpy(dtype=object).copy(), lots.of(table[ID] + "/to")
        for row in np.flatnonzero(flipped):
            others = [label for label in every if label != table[TRUE_LABEL].iloc[row]]
            labels[row] = others[int(second[row] * len(others))]
        return table.assign(**{LABEL: labels, dose: flipped.astype(np.float64)})


PLANT = Flips
