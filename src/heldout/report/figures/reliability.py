"""Whether the run is as sure as it is right."""

from __future__ import annotations

import numpy as np

from heldout.answer.texts import number
from heldout.records.predictions import Predictions
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, Trace, spec
from heldout.report.marks import legend_entry
from heldout.report.material import Material
from heldout.stats.intervals import wilson

BINS = 10
"""Bins of equal width between guessing (1/k) and certainty."""

NAMES = {"val": "validation", "test": "test"}


def bins_of(predictions: Predictions) -> list[tuple[float, float, float, float, float, float, int]]:
    """(from, to, mean probability, accuracy, low, high, n) of the bins that hold images."""
    k = predictions.logits.shape[1]
    sure, right = predictions.probabilities.max(axis=1), predictions.right
    edges = np.linspace(1 / k, 1.0, BINS + 1)
    place = np.clip(np.digitize(sure, edges) - 1, 0, BINS - 1)
    found = []
    for b in np.unique(place):
        inside = place == b
        n, hits = int(inside.sum()), int(right[inside].sum())
        low, high = wilson(hits, n)
        found.append((float(edges[b]), float(edges[b + 1]), float(sure[inside].mean()), hits / n, low, high, n))
    return found


def curve(part: str, bins: list[tuple[float, float, float, float, float, float, int]]) -> Trace:
    """Accuracy of each bin over its mean probability."""
    colour, hollow = ("@lost", False) if part == "test" else ("@ink", True)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [100 * b[2] for b in bins],
        "y": [100 * b[3] for b in bins],
        "customdata": [[b[6], 100 * b[4], 100 * b[5]] for b in bins],
        "hovertemplate": f"{NAMES[part]}: sure to %{{x:.0f}} %, right in <b>%{{y:.0f}} %</b> "
        "[%{customdata[1]:.0f}, %{customdata[2]:.0f}] of %{customdata[0]} images<extra></extra>",
        "line": {"color": colour, "width": 1.5, "dash": "dot" if hollow else "solid"},
        "marker": {
            "size": sizes(bins),
            "opacity": 1,
            "color": "@paper" if hollow else colour,
            "line": {"width": 2, "color": colour},
        },
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (b[5] - b[3]) for b in bins],
            "arrayminus": [100 * (b[3] - b[4]) for b in bins],
            "thickness": 1.2,
            "width": 0,
            "color": colour,
        },
        "showlegend": False,
    }


def sizes(bins: list[tuple[float, float, float, float, float, float, int]]) -> list[float]:
    """Marks whose area grows with the number of images."""
    most = max(b[6] for b in bins)
    return [round(5 + 9 * (b[6] / most) ** 0.5, 2) for b in bins]


def over(mean: float) -> str:
    """Mean of sureness minus rightness, a fraction, in words."""
    if abs(mean) < 0.005:
        return "as sure as right"
    return f"{number(100 * abs(mean))} points {'too sure' if mean > 0 else 'not sure enough'}"


def draw(material: Material) -> list[Chart]:
    """Validation and test of the featured run."""
    known = material.told
    if known is None or material.row(known.run).test is None:
        return []
    parts = {part: bins_of(material.decisions(known.run, part)) for part in ("val", "test")}
    floor = 100 / len(material.classes)
    diagonal = {
        "type": "scatter",
        "mode": "lines",
        "x": [floor, 100],
        "y": [floor, 100],
        "line": {"color": "@grey", "width": 1},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    traces = [diagonal, *(curve(part, bins) for part, bins in parts.items())]
    traces += [legend_entry("validation", hollow=True), legend_entry("test", colour="@lost")]
    layout = {
        "xaxis": {"title": {"text": "how sure the run is, %"}, "range": [floor - 2, 102]},
        "yaxis": {"title": {"text": "how often it is right, %"}},
        "hovermode": "closest",
    }
    csv: list[list[Raw]] = [[known.run, part, *b] for part, bins in parts.items() for b in bins]
    means = {
        part: sum(b[6] * (b[2] - b[3]) for b in bins) / max(sum(b[6] for b in bins), 1) for part, bins in parts.items()
    }
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "On the grey line the run is as often right as it says. Below it, it is too sure of itself. "
            "Larger marks hold more images. Thin lines: 95 % interval of each bin (Wilson, by images). On average it "
            f"is {over(means['val'])} on validation and {over(means['test'])} on test.",
            f"Reliability of {material.names[known.run].label} on validation and test, in {BINS} bins.",
            spec(traces, layout, 360, ["validation", "test"]),
            sheet(["run", "split", "from", "to", "mean_probability", "accuracy", "low", "high", "n"], csv),
        )
    ]


FIGURE = Figure("reliability", "Is it as sure as it is right?", "evidence", 2, draw, ("single",), each_run=True)
