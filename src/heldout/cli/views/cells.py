"""Cells of tables on the terminal: a value, and its interval on a line of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heldout.answer.texts import decimal_range, number, percent, percent_range, points_range, signed, signed_range

if TYPE_CHECKING:
    from rich.table import Table

    from heldout.records import Estimate, Scores


def percent_cell(estimate: Estimate | None) -> str:
    """A fraction in percent, its interval on a line of its own: `80.0 %`, `70.9–88.5`."""
    return "–" if estimate is None else f"{percent(estimate.value)}\n{percent_range(estimate)}"


def auc_cell(scores: Scores | None) -> str:
    """An area under the curve, its interval on a line of its own."""
    if scores is None or scores.auc is None:
        return "–"
    return decimal_cell(scores.auc)


def decimal_cell(estimate: Estimate | None) -> str:
    """A score as a decimal, its interval on a line of its own."""
    return "–" if estimate is None else f"{number(estimate.value, 3)}\n{decimal_range(estimate)}"


def points_cell(estimate: Estimate | None) -> str:
    """Points with their sign: `+5.0`, `−1.5 to +12.1`."""
    return "–" if estimate is None else f"{signed(estimate.value)}\n{points_range(estimate)}"


def signed_cell(estimate: Estimate | None) -> str:
    """A difference of decimals with its sign: `+0.021`, `−0.004 to 0.046`."""
    if estimate is None:
        return "–"
    return f"{signed(estimate.value, 3)}\n{signed_range(estimate)}"


def empty_table(title: str, width: int) -> Table:
    """An empty table; on a narrow terminal its columns stand closer."""
    from rich import box
    from rich.table import Table

    padding = (0, 1 if width >= 100 else 0, 0, 0)
    return Table(
        title=title or None, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=padding
    )
