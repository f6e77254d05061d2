"""Figures that the page has and the report has not; drawn by the same script, in the same colours."""

from __future__ import annotations

from heldout.answer.texts import number, percent
from heldout.records import Estimate, RunRow
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Trace, label, spec
from heldout.report.material import Material


def cost_charts(material: Material) -> list[Chart]:
    """The score against what it costs: seconds an epoch, and parameters; none where neither is known of two runs."""
    made = []
    for name, title, unit, costs in (
        ("score-by-time", "Score and time", "seconds an epoch", seconds(material)),
        ("score-by-size", "Score and size", "million parameters", parameters(material)),
    ):
        known = [(row, cost) for row in material.ranked if (cost := costs.get(row.id))]
        if len(known) > 1:
            made.append(cost_chart(material, name, title, unit, known))
    return made


def seconds(material: Material) -> dict[str, float]:
    """Id -> seconds an epoch, of runs of which they are known."""
    return {row.id: row.seconds_per_epoch for row in material.runs if row.seconds_per_epoch}


def parameters(material: Material) -> dict[str, float]:
    """Id -> million parameters."""
    return {row.id: row.parameters / 1e6 for row in material.runs if row.parameters}


def judged(row: RunRow) -> Estimate:
    """The score that a run is judged by, on test where there is one."""
    return (row.test or row.val).score


def cost_chart(material: Material, name: str, title: str, unit: str, known: list[tuple[RunRow, float]]) -> Chart:
    """One point a run with the interval of its score; costs on a logarithmic axis."""
    traces: list[Trace] = []
    for row, cost in known:
        score, mark, said = judged(row), material.marks[row.id], label(material.names[row.id])
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [cost],
                "y": [100 * score.value],
                "name": said,
                "legendgroup": row.id,
                "marker": {"symbol": mark.symbol, "size": 10, "color": mark.ink},
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [100 * (score.high - score.value)],
                    "arrayminus": [100 * (score.value - score.low)],
                    "color": mark.ink,
                    "thickness": 1.2,
                    "width": 3,
                },
                "hovertemplate": f"{said}<br>{number(cost, 2)} {unit}: <b>%{{y:.1f}} %</b><extra></extra>",
            }
        )
    rows: list[list[Raw]] = [[row.id, material.names[row.id].label, cost, judged(row).value] for row, cost in known]
    words = material.metric.words
    layout = {"xaxis": {"title": {"text": unit}, "type": "log"}, "yaxis": {"title": {"text": f"{words}, %"}}}
    best = known[0][0]
    return Chart(
        name,
        title,
        f"{material.judged.capitalize()} {words} with its 95 % interval against {unit}: up and left is better.",
        f"The best, {material.names[best.id].label}, has {percent(judged(best).value)}.",
        spec(traces, layout, 320, [label(material.names[row.id]) for row, _ in known]),
        sheet(["run", "label", unit, material.metric.name], rows),
    )
