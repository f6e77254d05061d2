"""Who loses most, on the terminal: a short table of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heldout.answer.groups import WHO, columns_left_out, stands_out, told_in_short, why_not_compared
from heldout.answer.texts import bracketed, count, number, percent
from heldout.cli.views.tables import empty_table

if TYPE_CHECKING:
    from rich.console import Console

    from heldout.cli.env import Environment
    from heldout.records import Diagnosis, Estimate

SHOWN_GROUPS = 8
"""Groups in the table; all stand in the record and in the report."""


def show_groups(diagnosis: Diagnosis, env: Environment, console: Console) -> None:
    """Print the groups that lose most; nothing where the images have no further columns."""
    from rich.text import Text

    groups = told_in_short(diagnosis, SHOWN_GROUPS)
    if groups:
        table = empty_table(f"{WHO} (● surely more than all others)", console)
        table.add_column("group", ratio=1)
        for heading in ("val", "test", "gap", "more than others", "test would gain"):
            table.add_column(heading, justify="right", no_wrap=True)
        for group in groups:
            sign = "● " if stands_out(group) else "  "
            table.add_row(
                Text(f"{sign}{group.name}"),
                Text(_score(group.val_score, group.val_images)),
                Text(_score(group.test_score, group.test_images)),
                Text(_points(group.gap_points)),
                Text(_points(group.difference_points)),
                Text(_points(group.points)),
            )
        env.say("")
        console.print(table)
    unseen = [f"{group.name} ({why_not_compared(group)})" for group in diagnosis.groups if why_not_compared(group)]
    said = [f"{count(len(diagnosis.groups), 'group')} in all; intervals of the last two columns hold for all of them"]
    if unseen:
        said.append(f"not compared: {', '.join(unseen[:SHOWN_GROUPS])}{', …' if len(unseen) > SHOWN_GROUPS else ''}")
    if diagnosis.groups:
        env.say(f"{'; '.join(said)}.")
    if left := columns_left_out(diagnosis):
        env.say(left)


def _score(score: Estimate | None, images: int) -> str:
    return "–" if score is None else f"{percent(score.value)}\nn = {images:,}"


def _points(points: Estimate | None) -> str:
    return "–" if points is None else f"{number(points.value)}\n{bracketed(points)}"
