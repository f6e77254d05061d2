"""Which groups are compared: those of one column, and the common parts of groups of two columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from heldout.diagnosis.groups.columns import Grouping
from heldout.diagnosis.rules import Rules
from heldout.records.predictions import Predictions

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cell:
    """A group of validation and test images.

    Attributes:
        columns: The column that it is a group of, or two.
        name: In words.
        val: Which validation images belong to it, (n_V,).
        test: Which test images, (n_T,).
        known: Whether it is one of a value, not of what is missing or of several rare values.
    """

    columns: tuple[str, ...]
    name: str
    val: Mask
    test: Mask
    known: bool = True


def single_cells(groups: Grouping, val: Predictions, test: Predictions, rules: Rules) -> list[Cell]:
    """The groups of a column; values that are too rare on both sides to be compared are one group together."""
    cells = [
        Cell((groups.column,), name, groups.val == place, groups.test == place, known)
        for place, (name, known) in enumerate(zip(groups.names, groups.known, strict=True))
    ]
    rare = [cell for cell in cells if cell.known and max(cell.val.sum(), cell.test.sum()) < rules.min_group]
    if len(rare) < 2:
        return cells
    name = f"{groups.column} other ({len(rare)} rare values)"
    pooled = Cell(
        (groups.column,),
        name,
        np.logical_or.reduce([cell.val for cell in rare]),
        np.logical_or.reduce([cell.test for cell in rare]),
        False,
    )
    return [*(cell for cell in cells if cell not in rare), pooled]


def crossed_cells(cells: Sequence[Cell], val: Predictions, test: Predictions, rules: Rules) -> list[Cell]:
    """Common parts of groups of two columns that have images enough, the largest of test.

    A group that has the very images of an earlier one (a device that goes with a site) is crossed once, under that one.

    Args:
        cells: Groups of one column each that are compared themselves.
        val: Validation.
        test: Test.
        rules: `min_crossed`, `min_group_patients`, `max_crossed`.
    """
    found = []
    different = {(cell.val.tobytes(), cell.test.tobytes()): cell for cell in reversed(cells) if cell.known}
    for one, other in combinations([cell for cell in cells if cell in different.values()], 2):
        if one.columns == other.columns:
            continue
        cell = Cell(
            (*one.columns, *other.columns), f"{one.name}, {other.name}", one.val & other.val, one.test & other.test
        )
        parents = min(int(parent.test.sum() + parent.val.sum()) for parent in (one, other))
        smaller = parents - int(cell.test.sum() + cell.val.sum()) >= rules.min_group  # else it is that group again
        if smaller and large_enough(cell, val, test, rules.min_crossed, rules.min_group_patients):
            found.append(cell)
    return sorted(found, key=lambda cell: -int(cell.test.sum()))[: rules.max_crossed]


def large_enough(cell: Cell, val: Predictions, test: Predictions, images: int, patients: int) -> bool:
    """Whether the group and all others have so many images and patients on either side."""
    for rows, part in ((cell.val, val), (cell.test, test)):
        for side in (rows, ~rows):
            if int(side.sum()) < images or len(np.unique(part.units[side])) < patients:
                return False
    return True
