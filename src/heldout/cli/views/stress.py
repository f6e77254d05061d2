"""Runs under stress on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heldout.answer.names import RunIdentity, run_names
from heldout.answer.stress import AGREED, CANNOT, STANDING, change_told, forecast_told, leading
from heldout.answer.texts import bracketed, count, number
from heldout.cli.views.cells import empty_table, percent_cell
from heldout.cli.views.tables import wrapped

if TYPE_CHECKING:
    from heldout.cli.env import Environment
    from heldout.records import Estimate
    from heldout.records.stress import StressedRun, StressReport


def show_stress(report: StressReport, env: Environment, curves: bool = False) -> None:
    """The answer, the table of runs, what was changed by how much, and what nobody can know from it."""
    console = env.console()
    named = run_names([RunIdentity(one.id, one.model, one.strategy, one.seed) for one in report.runs])
    names = {id_: name.spoken for id_, name in named.items()}
    console.print(wrapped(leading(report, names), console.width))
    if told := forecast_told(report, report.runs[0]):
        console.print(wrapped(told, console.width))
    table = empty_table("", console.width)
    for heading in (
        "Run",
        f"{report.metric.words}\nas they are",
        "expected at\ndrawn sites",
        "behind the best\npoints",
    ):
        table.add_column(heading, justify="left" if heading == "Run" else "right")
    for heading in ("a new site\ncosts, points", "one change costs\nmean, points", "and at worst\npoints", ""):
        table.add_column(heading, justify="left" if not heading else "right")
    for run in report.runs:
        table.add_row("\n".join(named[run.id].lines), *_cells(report, run))
    console.print(table)
    _made(report, env)
    if curves:
        _curves(report, env, names)
    for note in (*report.notes, CANNOT, AGREED):
        console.print(wrapped(note, console.width))


def _cells(report: StressReport, run: StressedRun) -> tuple[str, ...]:
    return (
        percent_cell(run.score),
        percent_cell(run.expected),
        _lost(run.behind_points),
        _lost(run.forecast_points),
        _lost(run.mean_points),
        _lost(run.worst.lost_points),
        f"{change_told(report, run.worst)}\n{STANDING[run.standing]}",
    )


def _lost(points: Estimate | None) -> str:
    return "–" if points is None else f"{number(points.value)}\n{bracketed(points)}"


def _made(report: StressReport, env: Environment) -> None:
    """What was changed, and by how much."""
    console = env.console()
    table = empty_table("What was changed", console.width)
    for heading in ("Stress", "near", "middle", "far", "unit", "where that comes from"):
        table.add_column(heading, justify="right" if heading in ("near", "middle", "far") else "left")
    for one in report.stresses:
        source = f"not made: {one.absent}" if one.absent else one.source
        table.add_row(f"{one.name} ({one.title})", *(number(size, 2) for size in one.sizes), one.unit, source)
    console.print(table)
    changed = count(report.images, "validation image")
    console.print(f"{changed}; means and worst cases are of the middle amounts.")


def _curves(report: StressReport, env: Environment, names: dict[str, str]) -> None:
    console = env.console()
    for run in report.runs:
        table = empty_table(f"{names[run.id]}: points lost", console.width)
        for heading in ("Change", "near", "middle", "far"):
            table.add_column(heading, justify="left" if heading == "Change" else "right")
        sides = dict.fromkeys((point.stress, point.words) for point in run.points)
        for stress, words in sides:
            own = {one.level: one for one in run.points if (one.stress, one.words) == (stress, words)}
            cells = [_lost(own[level].lost_points) for level in ("near", "middle", "far")]
            table.add_row(change_told(report, own["middle"]), *cells)
        console.print(table)
