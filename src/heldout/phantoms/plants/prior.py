"""Other class shares in test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from heldout.errors import UsageError
from heldout.phantoms.choose import fill, shares_of
from heldout.phantoms.plant import TRUE_LABEL, Lots, Plant, the_class


@dataclass(frozen=True, kw_only=True)
class Prior(Plant):
    """Changes the share of a class in test, exactly up to one image; the other classes keep their ratio.

    Images within a class are chosen by lot, so nothing but the shares changes. A phantom draws further images of the
    same patients, and test keeps its size; other sets of images take what is marked spare, and shrink where that is too
    little.

    Attributes:
        share: Severity: share of the class in test, 0 to 1 (what it does depends on the share in validation).
        label: The class; the last in alphabetical order if none is named.
        planted: False leaves test as it is.
    """

    name: ClassVar[str] = "prior"
    title: ClassVar[str] = "other class shares in test"
    cause: ClassVar[str] = "prior"
    severity: ClassVar[str] = "share"
    levels: ClassVar[tuple[float, float, float]] = (0.65, 0.75, 0.85)
    spare: ClassVar[dict[str, float]] = {"test": 2.0}

    share: float = 0.75
    label: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"expected a share from 0 to 1; found {self.share}")

    def on_table(self, table: pd.DataFrame, lots: Lots, dose: str) -> pd.DataFrame:
        """Another choice of test images."""
        if not self.planted:
            return table
        label = the_class(table, self.label, self.name)
        before = shares_of(table, "test")
        rest = sum(share for other, share in before.items() if other != label)
        if not rest:
            raise UsageError(
                f"Plant {self.name}: found only {label} or nothing in test; expected several classes, to change their "
                f"shares. Name another class, or add test images."
            )
        shares = {
            other: self.share if other == label else (1 - self.share) * share / rest
            for other, share in {label: 0.0, **before}.items()
        }
        return fill(table, "test", table[TRUE_LABEL].tolist(), shares, lots)


PLANT = Prior
