"""Who loses most, on the terminal: a short table of groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heldout.answer.groups import WHO, columns_left_out, stands_out, told_in_short, why_not_compared
from heldout.answer.texts import bracketed, count, number
from heldout.cli.views.tables import empty_table, wrapped

if TYPE_CHECKING:
    from rich.console import Console

    from heldout.cli.env import Environment
    from heldout.records import Diagnosis, Estimate, Subgroup

SHOWN_GROUPS = 8
"""Groups in the table; all stand in the record and in the report."""


def show_groups(diagnosis: Diagnosis, env: Environment, console: Console) -> None:
    """Print the groups that lose most; nothing where the images have no further columns."""
    from rich.text import Text

    groups = told_in_short(diagnosis, SHOWN_GROUPS)
    if groups:
        table = empty_table(f"{WHO} (● surely more than all others)", console)
        table.add_column("group", ratio=1, min_width=16)
        columns = [column for column in COLUMNS if console.width >= column.from_width]
        for column in columns:
            table.add_column(column.heading.replace("images", diagnosis.unit.words), justify="right", no_wrap=True)
        for group in groups:
            sign = "● " if stands_out(group) else "  "
            table.add_row(Text(f"{sign}{group.name}"), *(Text(column.cell(group)) for column in columns))
        env.say("")
        console.print(table)
    unseen = [f"{group.name} ({why_not_compared(group)})" for group in diagnosis.groups if why_not_compared(group)]
    said = [f"{count(len(diagnosis.groups), 'group')} in all; intervals of the last two columns hold for all of them"]
    if unseen:
        said.append(f"not compared: {', '.join(unseen[:SHOWN_GROUPS])}{', …' if len(unseen) > SHOWN_GROUPS else ''}")
    if diagnosis.groups:
        env.say(wrapped(f"{'; '.join(said)}.", console.width))
    if left := columns_left_out(diagnosis):
        env.say(wrapped(left, console.width))


def _scores(group: Subgroup) -> str:
    val, test = ("–" if one is None else number(100 * one.value) for one in (group.val_score, group.test_score))
    return f"{val}, {test}\n{group.val_images:,}, {group.test_images:,}"


def _points(points: Estimate | None) -> str:
    return "–" if points is None else f"{number(points.value)}\n{bracketed(points)}"


@dataclass(frozen=True)
class _Column:
    """A column: its heading, what stands in it, and from how many characters of the terminal on it is shown."""

    heading: str
    cell: Callable[[Subgroup], str]
    from_width: int = 0


COLUMNS = (
    _Column("val, test %\nimages", _scores),
    _Column("gap", lambda group: _points(group.gap_points), 100),
    _Column("more than\nall others", lambda group: _points(group.difference_points)),
    _Column("test would\ngain", lambda group: _points(group.points), 76),
)
