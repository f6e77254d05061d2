"""How many images of each class are found, on test."""

from __future__ import annotations

from heldout.answer.texts import shortened
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, Trace, label, plotly_text, spec
from heldout.report.marks import dots, legend_entry, row_axis
from heldout.report.material import Material

MOST = 150
"""Dots that one figure holds; beyond, the runs with the best test accuracy are drawn, the table holds all."""


def rows_of(material: Material) -> list[list[Raw]]:
    """Every recall of every run, those that are not drawn too."""
    known = [
        (row.id, name, row.test.recall.get(name)) for row in material.tested if row.test for name in material.classes
    ]
    return [
        [id_, material.names[id_].label, name, e.value, e.low, e.high, e.n, e.method] for id_, name, e in known if e
    ]


def draw(material: Material) -> list[Chart]:
    """A band a class, in it a dot a run."""
    classes = material.classes
    runs = material.tested[: max(1, MOST // max(len(classes), 1))]
    if not runs:
        return []
    band = len(runs) + 1.5
    traces: list[Trace] = []
    for place, row in enumerate(runs):
        name, mark = label(material.names[row.id]), material.marks[row.id]
        recalls = [(k, row.test.recall.get(of)) for k, of in enumerate(classes) if row.test]
        known = [(k, recall) for k, recall in recalls if recall is not None]
        names = [f"{name}<br>{plotly_text(shortened(classes[k]))}" for k, _ in known]
        rows = [k * band + place for k, _ in known]
        size = 9 if len(runs) <= 8 else 7
        estimates = [recall for _, recall in known]
        traces.append(dots(estimates, rows, names, colour=mark.ink, symbol=mark.symbol, scale=100, size=size))
        traces[-1]["legendgroup"] = row.id
        traces.append({**legend_entry(name, colour=mark.ink, symbol=mark.symbol), "legendgroup": row.id})
    middles = [k * band + (len(runs) - 1) / 2 for k in range(len(classes))]
    axis = row_axis([plotly_text(shortened(name, 18)) for name in classes], middles, (len(runs) + 0.8) / 2)
    edges = [k * band - 1.25 for k in range(1, len(classes))]
    rule = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "line": {"color": "@grid", "width": 1}}
    layout = {
        "xaxis": {"title": {"text": "recall on test, %"}},
        "yaxis": axis,
        "hovermode": "closest",
        "shapes": [{**rule, "y0": edge, "y1": edge} for edge in edges],
    }
    cut = len(material.tested) - len(runs)
    step = 17 if len(runs) <= 8 else 13
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Of the test images of a class, the share given that class, with its 95 % interval. A class with few "
            "images has a long line."
            + (f" The {len(runs)} best runs are drawn, {cut} more stand in the table." if cut else ""),
            f"Recall of {len(classes)} classes on test for {len(runs)} runs, in the table below.",
            spec(
                traces, layout, int(100 + step * band * len(classes)), [label(material.names[row.id]) for row in runs]
            ),
            sheet(["run", "label", "class", "recall", "low", "high", "n", "method"], rows_of(material)),
        )
    ]


FIGURE = Figure("recalls", "Recall of every class on test", "errors", 1, draw, ("single",))
