"""A sub-population: the images of a class with the smallest or largest numbers in a column, or with one value in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from heldout.errors import UsageError
from heldout.phantoms.choose import fill, shares_of, used
from heldout.phantoms.plant import TRUE_LABEL, Flags, Floats, Lots, Plant, of_classes


@dataclass(frozen=True, kw_only=True)
class SubgroupPlant(Plant):
    """Base of plants that mix a sub-population.

    Attributes:
        by: Column that tells who belongs.
        value: The value that members have; empty if the column is a number.
        tail: Which numbers make a member: the `low`est or the `high`est of the training images of its class.
        fraction: Share of the training images of a class whose numbers make them members.
        classes: Classes that have members, by their true label; none for all.
    """

    by: str = ""
    value: str = ""
    tail: Literal["low", "high"] = "low"
    fraction: float = 1 / 3
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.fraction < 1:
            raise ValueError(f"expected a fraction between 0 and 1; found {self.fraction}")

    def column(self, table: pd.DataFrame) -> str:
        """The column that tells who belongs: as set, or the height of the spicules in a phantom, else brightness."""
        return self.by or ("spicule_um" if "spicule_um" in table else "brightness")

    def wants(self, table: pd.DataFrame) -> tuple[str, ...]:
        """That column."""
        return (self.column(table),)

    def numbers(self, table: pd.DataFrame) -> Floats:
        """What is ranked, (n,).

        Raises:
            UsageError: The column does not hold numbers.
        """
        column = self.column(table)
        try:
            numbers = table[column].to_numpy(dtype=np.float64)
        except (TypeError, ValueError):
            numbers = np.array([np.nan])
        if np.isnan(numbers).any():
            raise UsageError(
                f"Plant {self.name}: found values in the column '{column}' that are no numbers; expected numbers "
                f"to rank. Name the value of the sub-population, as in {self.name}:by={column},value=…"
            )
        return numbers

    def members(self, table: pd.DataFrame) -> Flags:
        """Who belongs, (n,) bool: by a value, or by a threshold that each class's training images give.

        Raises:
            UsageError: There is no such column, or all or no images of a class would belong.
        """
        column = self.column(table)
        if column not in table:
            raise UsageError(
                f"Plant {self.name}: found no column '{column}'; expected one of {', '.join(map(str, table.columns))}. "
                f"Set `by`, or add the column."
            )
        concerned = of_classes(table, self.classes, self.name)
        belong: Flags = np.zeros(len(table), dtype=bool)
        for label in sorted(set(table.loc[concerned, TRUE_LABEL])):
            own = (table[TRUE_LABEL] == label).to_numpy(dtype=bool)
            belong |= own & self._extreme(table, own)
            if belong[own].all() or not belong[own].any():
                found = "all images" if belong[own].all() else "no image"
                raise UsageError(
                    f"Plant {self.name}: found {found} of {label} in the sub-population of '{column}'; expected some "
                    f"inside and some outside. Set `by`, `value`, `fraction` or `classes`."
                )
        return belong

    def _extreme(self, table: pd.DataFrame, own: Flags) -> Flags:
        """Who has the value, or a number beyond the threshold of the class's training images, (n,) bool."""
        if self.value:
            return (table[self.column(table)].astype(str) == self.value).to_numpy(dtype=bool)
        numbers = self.numbers(table) * (1 if self.tail == "high" else -1)
        train = own & used(table, "train")
        beyond: Flags = numbers >= np.quantile(numbers[train if train.any() else own], 1 - self.fraction)
        return beyond


@dataclass(frozen=True, kw_only=True)
class MixtureOfTest(SubgroupPlant):
    """Base of plants that make a sub-population common in test.

    Attributes:
        share: Severity: share of the sub-population in each of the classes, in test.
    """

    share: float = 0.7

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.share <= 1:
            raise ValueError(f"expected a share from 0 to 1; found {self.share}")

    def on_table(self, table: pd.DataFrame, lots: Lots, dose: str) -> pd.DataFrame:
        """Another choice of test images, with the same shares of the classes."""
        if not self.planted:
            return table
        belong = self.members(table)
        concerned = set(self.classes) or set(table[TRUE_LABEL])
        groups = [f"{label} ({_word(inside)})" for label, inside in zip(table[TRUE_LABEL], belong, strict=True)]
        shares: dict[str, float] = {}
        for label, own in shares_of(table, "test").items():
            here = used(table, "test") & (table[TRUE_LABEL] == label).to_numpy(dtype=bool)
            share = self.share if label in concerned else float(belong[here].mean())
            shares[f"{label} ({_word(True)})"] = own * share
            shares[f"{label} ({_word(False)})"] = own * (1 - share)
        return fill(table, "test", groups, shares, lots)


def _word(inside: bool) -> str:
    return "in the sub-population" if inside else "outside it"
