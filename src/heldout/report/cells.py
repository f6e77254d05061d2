"""Cells that tables share: one function makes both what is shown of a value and what is saved of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from heldout.answer.texts import capital, number, percent, percent_range, points_range, signed, signed_range
from heldout.records import Estimate
from heldout.report.blocks import Cell, Column, Raw
from heldout.report.material import Material

ENDS = ("", "_low", "_high", "_n", "_method")
"""Endings of the five columns that an estimate has in a CSV."""

ESTIMATE = ("points", "low", "high", "n", "method")
"""Their names where a table has one estimate a row."""


def ends_of(name: str) -> tuple[str, ...]:
    """Names of the five columns of an estimate: `gap_points`, `gap_points_low` and so on."""
    return tuple(f"{name}{end}" for end in ENDS)


def saved(estimate: Estimate | None) -> tuple[Raw, ...]:
    """An estimate in a CSV: value, ends, n, method."""
    if estimate is None:
        return (None,) * len(ENDS)
    return estimate.value, estimate.low, estimate.high, estimate.n, estimate.method


def run_cell(material: Material, id_: str) -> Cell:
    """The heading of a run's row; saved as its id and label."""
    first, second = material.names[id_].lines
    return Cell(first, second, (id_, material.names[id_].label), colour=material.marks[id_].colour)


RUN = ("run", "label")
"""What a `run_cell` is saved as."""


def accuracy_cell(estimate: Estimate | None, strong: bool = False) -> Cell:
    """A fraction in percent over its interval."""
    if estimate is None:
        return Cell("–", saved=saved(None))
    return Cell(percent(estimate.value), percent_range(estimate), saved(estimate), strong=strong)


def auc_cell(estimate: Estimate | None) -> Cell:
    """An area under the curve over its interval."""
    if estimate is None:
        return Cell("–", saved=saved(None))
    return Cell(number(estimate.value, 3), f"{number(estimate.low, 3)}–{number(estimate.high, 3)}", saved(estimate))


def points_cell(estimate: Estimate | None) -> Cell:
    """A difference in points over its interval, its sign shown."""
    if estimate is None:
        return Cell("–", saved=saved(None))
    return Cell(signed(estimate.value), points_range(estimate), saved(estimate))


def signed_cell(estimate: Estimate | None) -> Cell:
    """A difference of decimals over its interval, its sign shown."""
    if estimate is None:
        return Cell("–", saved=saved(None))
    return Cell(signed(estimate.value, 3), signed_range(estimate), saved(estimate))


def lost_cell(points: Estimate | None) -> Cell:
    """Points taken from test over their interval; no sign, a minus where test gained."""
    if points is None:
        return Cell("–", saved=saved(None))
    return Cell(number(points.value), f"{number(points.low)} to {number(points.high)}", saved(points))


def whole_cell(value: int | None, missing: str = "–") -> Cell:
    """A whole number."""
    return Cell(missing if value is None else f"{value:,}", saved=(value,))


def setting_text(value: Any) -> str:
    """A setting as `--set` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ",".join(map(setting_text, value))
    return "none" if value is None else str(value)


def csv_only(*names: str) -> Column:
    """A column that the page does not show."""
    return Column(names[0], saved_as=names, shown=False)


def unseen(*values: Raw) -> Cell:
    """A cell of such a column."""
    return Cell("", saved=values)


def methods(named: Iterable[tuple[str, Estimate | None]]) -> tuple[str, ...]:
    """One note for every way an interval was made and every n, with the quantities it was made for."""
    groups: dict[tuple[str, int], list[str]] = {}
    for name, estimate in named:
        if estimate:
            names = groups.setdefault((estimate.method, estimate.n), [])
            if name not in names:
                names.append(name)
    said = (f"{', '.join(names)}: n = {n:,}; interval: {method}." for (method, n), names in groups.items())
    return tuple(map(capital, said))
