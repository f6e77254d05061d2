"""Will it hold elsewhere: runs under stress, as `heldout stress` found them."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.stress import AGREED, CANNOT, STANDING, change_told, forecast_told, leading
from heldout.answer.texts import number
from heldout.errors import InputError
from heldout.records.stress import StressedRun, StressReport
from heldout.report.blocks import Block, Cell, Column, Notes, Prose, Table
from heldout.report.cells import RUN, accuracy_cell, csv_only, ends_of, lost_cell, methods, run_cell, unseen
from heldout.report.material import Material
from heldout.report.section import Section
from heldout.runs.stress_report import read_stress


def blocks(material: Material) -> Sequence[Block]:
    """The answer, the runs, every change, and what nobody can know from it."""
    try:
        report = read_stress(material.folder)
    except InputError as error:
        return (Prose(f"What `heldout stress` found cannot be read: {str(error).splitlines()[0]}. Call it again."),)
    if report is None:
        return ()
    if report.split != material.study.split or any(run.id not in material.names for run in report.runs):
        return (Prose("What `heldout stress` found is of another split or of runs that are gone. Call it again."),)
    names = {id_: name.spoken for id_, name in material.names.items()}
    answer = " ".join(filter(None, (leading(report, names), forecast_told(report, report.runs[0]))))
    return (
        Prose(answer),
        _runs(material, report),
        _made(report),
        Notes("What this cannot say", (*report.notes, CANNOT, AGREED)),
    )


def _runs(material: Material, report: StressReport) -> Table:
    columns = (
        Column("Run", saved_as=RUN),
        Column(report.metric.words.capitalize(), "as they are", True, saved_as=ends_of("score")),
        Column("Expected", "at drawn sites", True, saved_as=ends_of("expected")),
        Column("Behind the first", "points", True, saved_as=ends_of("behind_points")),
        Column("A new site costs", "points", True, saved_as=ends_of("forecast_points")),
        Column("One change costs", "mean, points", True, saved_as=ends_of("mean_points")),
        Column("And at worst", "points", True, saved_as=ends_of("worst_points")),
        Column("By", saved_as=("worst", "standing")),
        csv_only("first"),
    )
    first = report.runs[0]
    notes = (
        "Behind the first: intervals hold for all runs at once. A new site costs: 95 % of drawn sites lie within. At "
        "worst: the costliest change at its middle amount, its interval for all of them at once.",
        *methods((("expected", first.expected), ("a new site costs", first.forecast_points))),
    )
    return Table(
        "stress-runs", "Runs by what stays", columns, tuple(_run(material, report, r) for r in report.runs), notes
    )


def _run(material: Material, report: StressReport, run: StressedRun) -> tuple[Cell, ...]:
    worst = change_told(report, run.worst)
    return (
        run_cell(material, run.id),
        accuracy_cell(run.score),
        accuracy_cell(run.expected, strong=run.standing == "best"),
        lost_cell(run.behind_points),
        lost_cell(run.forecast_points),
        lost_cell(run.mean_points),
        lost_cell(run.worst.lost_points),
        Cell(worst, STANDING[run.standing], (worst, run.standing)),
        unseen(run.first),
    )


def _made(report: StressReport) -> Table:
    columns = (
        Column("Change", saved_as=("stress", "title")),
        *(Column(level.capitalize(), number=True, saved_as=(level,)) for level in ("near", "middle", "far")),
        Column("Unit"),
        Column("Where that comes from", say=True),
    )
    rows = tuple(
        (
            Cell(one.title, saved=(one.name, one.title)),
            *(Cell(number(size, 2), saved=(size,)) for size in one.sizes),
            Cell(one.unit),
            Cell(f"not made: {one.absent}" if one.absent else one.source),
        )
        for one in report.stresses
    )
    return Table("stress-changes", "What was changed, and by how much", columns, rows)


SECTION = Section(
    "stress",
    "Will it hold elsewhere?",
    "Validation images changed as images of other sites were measured to differ: what each run keeps.",
    270,
    blocks,
    figures_first=False,
    labels=("single",),
)
