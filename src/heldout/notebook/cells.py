"""Cells that the tables of outputs share: a value over its interval."""

from __future__ import annotations

from heldout.answer.texts import bracketed, decimal_range, number, percent, percent_range, points_range, signed
from heldout.notebook.blocks import Cell
from heldout.records import Estimate

NOTHING = Cell("–")


def percent_cell(estimate: Estimate | None) -> Cell:
    """A fraction in percent: `80.0 %` over `70.9–88.5`."""
    return NOTHING if estimate is None else Cell(percent(estimate.value), percent_range(estimate))


def decimal_cell(estimate: Estimate | None) -> Cell:
    """An area under the curve: `0.931` over `0.903–0.958`."""
    return NOTHING if estimate is None else Cell(number(estimate.value, 3), decimal_range(estimate))


def points_cell(estimate: Estimate | None) -> Cell:
    """A difference in points, its sign shown: `+5.0` over `−1.5 to +12.1`."""
    return NOTHING if estimate is None else Cell(signed(estimate.value), points_range(estimate))


def lost_cell(points: Estimate | None) -> Cell:
    """Points taken from test; negative where test gained: `6.2` over `[3.1, 9.3]`."""
    return NOTHING if points is None else Cell(number(points.value), bracketed(points))
