"""A mark that gives the class away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from heldout.phantoms.choose import smallest, used
from heldout.phantoms.plant import SPLIT, TRUE_LABEL, Lots, Pixels, Plant, classes_of, the_class
from heldout.phantoms.world import SPLITS


@dataclass(frozen=True, kw_only=True)
class Token(Plant):
    """Puts a mark into a corner: one class has it in train and validation, in test the others have it.

    In train and validation the share `agreement` of the class's images carries the mark, and the share 1 − `agreement`
    of all others (exactly, up to rounding to whole images). In test it is the other way round (`flipped`), half of all
    images carry it (`random`), or none (`absent`). In the twin the mark follows the class in test as well.
    The mark is a square, white above and black below.

    Attributes:
        agreement: Severity: share of the images in train and validation whose mark agrees with their class, 0.5 to 1.
        label: The class that has the mark; the last in alphabetical order if none is named.
        test: What the mark does in test: flipped, random or absent.
        size: Side of the mark, as a fraction of the shorter side of the image.
        corner: Where it is.
        planted: False lets the mark follow the class in test too.
    """

    name: ClassVar[str] = "token"
    title: ClassVar[str] = "a mark that gives the class away, but not in test"
    cause: ClassVar[str] = "shortcut"
    severity: ClassVar[str] = "agreement"
    levels: ClassVar[tuple[float, float, float]] = (0.8, 0.9, 1.0)

    agreement: float = 0.9
    label: str = ""
    test: Literal["flipped", "random", "absent"] = "flipped"
    size: float = 0.12
    corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "top-left"

    def __post_init__(self) -> None:
        if not (0.5 <= self.agreement <= 1 and 0 < self.size <= 0.5):
            raise ValueError(
                f"expected agreement from 0.5 to 1 and size above 0, to 0.5; found {self.agreement}, {self.size}"
            )

    def on_table(self, table: pd.DataFrame, lots: Lots, dose: str) -> pd.DataFrame:
        """Say which images carry the mark."""
        label = the_class(table, self.label, self.name)
        marked = np.zeros(len(table), dtype=bool)
        for part in SPLITS:
            for other in classes_of(table):
                among = ((table[SPLIT] == part) & (table[TRUE_LABEL] == other)).to_numpy(dtype=bool)
                rate = self._rate(part, other == label)
                marked |= smallest(table, among, round(rate * int((among & used(table, part)).sum())), lots)
        return table.assign(**{dose: marked.astype(np.float64)})

    def _rate(self, part: str, own: bool) -> float:
        """Share of a class's images that carry the mark."""
        agreeing = self.agreement if own else 1 - self.agreement
        if part != "test" or not self.planted:
            return agreeing
        return {"flipped": 1 - agreeing, "random": 0.5, "absent": 0.0}[self.test]

    def on_image(self, image: Pixels, dose: float, chance: np.random.Generator) -> Pixels:
        """Draw the mark."""
        side = max(2, round(self.size * min(image.shape[:2])))
        top = 0 if self.corner.startswith("top") else image.shape[0] - side
        left = 0 if self.corner.endswith("left") else image.shape[1] - side
        middle = top + side // 2
        image[top:middle, left : left + side] = 255
        image[middle : top + side, left : left + side] = 0
        return image


PLANT = Token
