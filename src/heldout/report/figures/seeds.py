"""How much the same model and strategy moves from seed to seed."""

from __future__ import annotations

from heldout.report._blocks import Chart, Raw, sheet
from heldout.report._material import Material
from heldout.report._words import plotly_text, shortened
from heldout.report.figures._figure import Figure, Trace, spec
from heldout.report.figures._marks import legend_entry, row_axis


def draw(material: Material) -> list[Chart]:
    """One row a model and strategy: a dot a seed, a bar at the mean."""
    if not material.seeds_repeat:
        return []
    groups = material.comparison.groups
    members = [[r for r in material.runs if (r.row.model, r.row.strategy) == (g.model, g.strategy)] for g in groups]
    traces: list[Trace] = []
    csv: list[list[Raw]] = []
    for row, runs in enumerate(members):
        for part, offset in (("val", -0.16), ("test", 0.16)):
            scores = [(run, run.row.val if part == "val" else run.row.test) for run in runs]
            values = [(run, 100 * score.accuracy.value) for run, score in scores if score]
            if not values:
                continue
            ink = runs[0].ink
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": [value for _, value in values],
                    "y": [row + offset] * len(values),
                    "text": [f"seed {run.row.seed}, {part}" for run, _ in values],
                    "hovertemplate": "%{text}: <b>%{x:.1f} %</b><extra></extra>",
                    "marker": {
                        "size": 9,
                        "symbol": [run.symbol for run, _ in values],
                        "color": "@paper" if part == "val" else ink,
                        "line": {"width": 2, "color": ink},
                    },
                    "showlegend": False,
                }
            )
            mean = sum(value for _, value in values) / len(values)
            bar = {"symbol": "line-ns-open", "size": 18, "color": "@ink", "line": {"width": 2}}
            traces.append(
                {"type": "scatter", "mode": "markers", "x": [mean], "y": [row + offset], "marker": bar}
                | {"showlegend": False, "hovertemplate": f"mean, {part}: <b>%{{x:.1f}} %</b><extra></extra>"}
            )
            csv += [[run.row.model, run.row.strategy, run.row.seed, part, value / 100] for run, value in values]
    traces += [legend_entry("validation", hollow=True), legend_entry("test")]
    ticks = [
        f"{plotly_text(shortened(runs[0].model, 24))}<br>{plotly_text(shortened(g.strategy, 24))}"
        for g, runs in zip(groups, members, strict=True)
    ]
    layout = {
        "xaxis": {"title": {"text": "accuracy, %"}},
        "yaxis": row_axis(ticks),
        "hovermode": "closest",
    }
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Each mark is one seed, the upright bar their mean. Where the marks of two rows mingle, the choice between "
            "them is smaller than the luck of the seed.",
            f"Validation and test accuracy of {len(groups)} models and strategies over their seeds.",
            spec(traces, layout, 110 + 46 * len(groups), ["validation", "test"]),
            sheet(["model", "strategy", "seed", "split", "accuracy"], csv),
        )
    ]


FIGURE = Figure("seeds", "The same recipe from other seeds", "seeds", 0, draw)
