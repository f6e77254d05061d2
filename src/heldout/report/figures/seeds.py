"""How much the same model and strategy moves from seed to seed."""

from __future__ import annotations

from heldout.answer.names import settings_told
from heldout.answer.texts import shortened
from heldout.records import RunRow
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, Trace, plotly_text, spec
from heldout.report.marks import legend_entry, row_axis
from heldout.report.material import Material
from heldout.report.recipes import shown_recipes


def marks(material: Material, values: list[tuple[RunRow, float]], part: str, at: float) -> list[Trace]:
    """A mark a seed, and an upright bar at their mean, along one line."""
    ink = material.marks[values[0][0].id].ink
    seeds: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [value for _, value in values],
        "y": [at] * len(values),
        "text": [f"seed {row.seed}, {part}" for row, _ in values],
        "hovertemplate": "%{text}: <b>%{x:.1f} %</b><extra></extra>",
        "marker": {
            "size": 9,
            "symbol": [material.marks[row.id].symbol for row, _ in values],
            "color": "@paper" if part == "val" else ink,
            "line": {"width": 2, "color": ink},
        },
        "showlegend": False,
    }
    mean = sum(value for _, value in values) / len(values)
    bar = {"symbol": "line-ns-open", "size": 18, "color": "@ink", "line": {"width": 2}}
    middle: Trace = {"type": "scatter", "mode": "markers", "x": [mean], "y": [at], "marker": bar, "showlegend": False}
    return [seeds, {**middle, "hovertemplate": f"mean, {part}: <b>%{{x:.1f}} %</b><extra></extra>"}]


def draw(material: Material) -> list[Chart]:
    """One row a recipe: a dot a seed, a bar at the mean."""
    if not material.seeds_repeat:
        return []
    recipes = list(shown_recipes(material).values())
    traces: list[Trace] = []
    csv: list[list[Raw]] = []
    for place, recipe in enumerate(recipes):
        for part, offset in (("val", -0.16), ("test", 0.16)):
            scores = [(row, row.val if part == "val" else row.test) for row in recipe.runs]
            values = [(row, 100 * score.score.value) for row, score in scores if score]
            if values:
                traces += marks(material, values, part, place + offset)
                csv += [
                    [row.model, row.strategy, row.seed, part, value / 100, settings_told(row.differs)]
                    for row, value in values
                ]
    traces += [legend_entry("validation", hollow=True), legend_entry("test")]
    ticks = ["<br>".join(plotly_text(shortened(line, 24)) for line in recipe.name.lines) for recipe in recipes]
    layout = {
        "xaxis": {"title": {"text": f"{material.metric.words}, %"}},
        "yaxis": row_axis(ticks),
        "hovermode": "closest",
    }
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Each mark is one seed, the upright bar their mean. Where the marks of two rows mingle, the choice between "
            "them is smaller than the luck of the seed.",
            f"Validation and test {material.metric.words} of {len(recipes)} models and strategies over their seeds.",
            spec(traces, layout, 110 + 46 * len(recipes), ["validation", "test"]),
            sheet(["model", "strategy", "seed", "split", material.metric.name, "settings"], csv),
        )
    ]


FIGURE = Figure("seeds", "The same recipe from other seeds", "seeds", 0, draw)
