"""Which class is taken for which, on test."""

from __future__ import annotations

from typing import Any

import numpy as np

from heldout.answer.texts import percent, shortened
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, plotly_text, spec
from heldout.report.material import Material
from heldout.stats.scores import confusion

WRITTEN = 12
"""Classes up to which every field carries its count; beyond, the fields are too small to write in."""

NAMED = 16
"""Classes named along an axis; of more, every second, third … is named, the rest on hover and in the CSV."""

SHARED = 6
"""Classes up to which the share of the row stands beneath the count."""


def axes(classes: tuple[str, ...]) -> dict[str, Any]:
    """Truth down, prediction across; of many classes every second, third … is named."""
    k = len(classes)
    step = -(-k // NAMED)
    ticks = {
        "tickvals": list(range(0, k, step)),
        "ticktext": [plotly_text(shortened(name, 14)) for name in classes[::step]],
        "showgrid": False,
        "zeroline": False,
        "constrain": "domain",
    }
    return {
        "xaxis": {**ticks, "title": {"text": "predicted"}, "tickangle": 0 if k <= 3 else -40, "automargin": True},
        "yaxis": {**ticks, "title": {"text": "truth"}, "autorange": "reversed", "automargin": True},
    }


def draw_run(material: Material, id_: str) -> Chart:
    """Shares of each row as shades, counts and shares written."""
    classes, name = material.classes, material.names[id_].label
    k = len(classes)
    test = material.decisions(id_, "test")
    matrix = confusion(test.labels, test.predicted, k)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    trace = {
        "type": "heatmap",
        "z": (100 * shares).round(4).tolist(),
        "x": list(range(k)),
        "y": list(range(k)),
        "zmin": 0,
        "zmax": 100,
        "colorscale": [[0, "@low"], [1, "@high"]],
        "showscale": False,
        "xgap": 1 if k <= WRITTEN else 0,
        "ygap": 1 if k <= WRITTEN else 0,
        "customdata": [[[int(matrix[i, j]), classes_text(classes, i, j)] for j in range(k)] for i in range(k)],
        "hovertemplate": "%{customdata[1]}<br><b>%{customdata[0]}</b> "
        f"{material.unit.words}, %{{z:.1f}} % of the row<extra></extra>",
    }
    if k <= WRITTEN:
        under = np.array([[f"<br>{100 * share:.0f} %" if k <= SHARED else "" for share in row] for row in shares])
        trace["text"] = [[f"{matrix[i, j]}{under[i, j]}" for j in range(k)] for i in range(k)]
        trace["texttemplate"] = "%{text}"
        trace["textfont"] = {"size": 13 if k <= 3 else 10}
    rows: list[list[Raw]] = [
        [id_, classes[i], classes[j], int(matrix[i, j]), float(shares[i, j])] for i in range(k) for j in range(k)
    ]
    right = int(np.trace(matrix))
    return Chart(
        f"confusion-{id_}",
        name,
        f"{right:,} of {matrix.sum():,} test {material.unit.words} right "
        f"({percent(right / max(int(matrix.sum()), 1))}).",
        f"Confusion matrix of {name} on test, rows are the truth.",
        spec([trace], axes(classes), 330 if k <= SHARED else 420),
        sheet(["run", "truth", "predicted", "images", "share_of_truth"], rows),
    )


def classes_text(classes: tuple[str, ...], truth: int, predicted: int) -> str:
    """Hover text of one field."""
    return f"truth {plotly_text(shortened(classes[truth]))}, predicted {plotly_text(shortened(classes[predicted]))}"


def draw(material: Material) -> list[Chart]:
    """One matrix a run, best test accuracy first."""
    return [draw_run(material, row.id) for row in material.tested]


FIGURE = Figure("confusion", "Confusion matrices on test", "errors", 0, draw, ("single",))
