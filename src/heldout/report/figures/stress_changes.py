"""What each change of the images costs each run."""

from __future__ import annotations

from heldout.answer.stress import change_told
from heldout.answer.texts import shortened
from heldout.errors import InputError
from heldout.records.stress import StressReport
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, Trace, label, plotly_text, spec
from heldout.report.marks import dots, legend_entry, row_axis
from heldout.report.material import Material
from heldout.runs.stress_report import read_stress

MOST = 200
"""Dots that are drawn; beyond, the runs that stand highest are drawn, the table holds all."""


def draw(material: Material) -> list[Chart]:
    """A band a change, in it a dot a run, at the middle amount."""
    try:
        report = read_stress(material.folder)
    except InputError:  # the section says so
        return []
    if report is None or any(run.id not in material.names for run in report.runs):
        return []
    changes = list(dict.fromkeys((point.stress, point.words) for point in report.runs[0].points))
    runs = report.runs[: max(1, MOST // max(len(changes), 1))]
    band = len(runs) + 1.5
    traces: list[Trace] = []
    for place, run in enumerate(runs):
        name, mark = label(material.names[run.id]), material.marks[run.id]
        middle = {(one.stress, one.words): one for one in run.points if one.level == "middle"}
        told = [f"{name}<br>{plotly_text(change_told(report, middle[change]))}" for change in changes]
        estimates = [middle[change].lost_points for change in changes]
        rows = [k * band + place for k in range(len(changes))]
        traces.append(dots(estimates, rows, told, colour=mark.ink, symbol=mark.symbol, size=7))
        traces[-1]["legendgroup"] = run.id
        traces.append({**legend_entry(name, colour=mark.ink, symbol=mark.symbol), "legendgroup": run.id})
    first = {(one.stress, one.words): one for one in report.runs[0].points if one.level == "middle"}
    ticks = [plotly_text(shortened(change_told(report, first[change]), 34)) for change in changes]
    middles = [k * band + (len(runs) - 1) / 2 for k in range(len(changes))]
    layout = {
        "xaxis": {"title": {"text": "points lost"}, "zeroline": True},
        "yaxis": row_axis(ticks, middles, (len(runs) + 0.8) / 2),
        "hovermode": "closest",
    }
    cut = len(report.runs) - len(runs)
    more = f" The {len(runs)} runs that stand highest are drawn, {cut} more stand in the table." if cut else ""
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Points that validation loses when its images are changed, at the middle amounts, with 95 % intervals; the "
            f"table has the near and the far amounts as well.{more}",
            f"Points that {len(changes)} changes of the images cost {len(runs)} runs.",
            spec(traces, layout, int(100 + 11 * band * len(changes)), [label(material.names[run.id]) for run in runs]),
            sheet(["run", "stress", "words", "level", "amount", "lost_points", "low", "high"], _rows(report)),
        )
    ]


def _rows(report: StressReport) -> list[list[Raw]]:
    """Every change of every run."""
    return [
        [run.id, one.stress, one.words, one.level, one.amount, points.value, points.low, points.high]
        for run in report.runs
        for one in run.points
        for points in (one.lost_points,)
    ]


FIGURE = Figure("stress-changes-chart", "What each change costs", "stress", 0, draw, ("single",))
