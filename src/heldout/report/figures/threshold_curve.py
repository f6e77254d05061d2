"""Accuracy against where the line between two classes is drawn."""

from __future__ import annotations

import numpy as np

from heldout.answer.texts import number, percent, shortened
from heldout.records.predictions import Predictions
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, Trace, plotly_text, spec
from heldout.report.marks import legend_entry
from heldout.report.material import Material
from heldout.stats.metric import ClassWeights
from heldout.ties import first_of_largest

STEPS = 161
"""Cuts drawn, evenly on the scale of log-odds."""

WIDEST = 9.0
"""Log-odds beyond which no cut is drawn (probabilities of 0.01 % and 99.99 %)."""

TICKS = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
NAMES = {"val": "validation, its classes weighted as on test", "test": "test"}


def scores(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """(n,) log-odds of the second class, (n,) whether the image is of it."""
    margin: np.ndarray = predictions.logits[:, 1] - predictions.logits[:, 0]
    return margin, predictions.labels == 1


def accuracies(margin: np.ndarray, positive: np.ndarray, share: float, cuts: np.ndarray) -> np.ndarray:
    """The score at each cut where the recall of the second class counts a share (for accuracy its share of images)."""
    found = 1 - np.searchsorted(np.sort(margin[positive]), cuts, side="right") / max(int(positive.sum()), 1)
    spared = np.searchsorted(np.sort(margin[~positive]), cuts, side="right") / max(int((~positive).sum()), 1)
    result: np.ndarray = share * found + (1 - share) * spared
    return result


def line(part: str, cuts: np.ndarray, values: np.ndarray, score: str) -> Trace:
    """One curve."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": cuts.round(4).tolist(),
        "y": (100 * values).round(4).tolist(),
        "customdata": (100 / (1 + np.exp(-cuts))).round(3).tolist(),
        "hovertemplate": f"{part}: cut at %{{customdata:.3g}} %, {score} <b>%{{y:.1f}} %</b><extra></extra>",
        "line": {
            "color": "@lost" if part == "test" else "@ink",
            "width": 2,
            "dash": "solid" if part == "test" else "dot",
        },
        "showlegend": False,
    }


def marks(part: str, cuts: np.ndarray, values: np.ndarray) -> Trace:
    """The present cut, filled, and the best one, hollow."""
    places = [int(np.abs(cuts).argmin()), int(first_of_largest(values))]
    colour = "@lost" if part == "test" else "@ink"
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [float(cuts[i]) for i in places],
        "y": [100 * float(values[i]) for i in places],
        "text": [f"{part}, present cut", f"{part}, best cut on these very images"],
        "hovertemplate": "%{text}: <b>%{y:.1f} %</b><extra></extra>",
        "marker": {
            "size": 10,
            "symbol": ["circle", "diamond"],
            "color": [colour, "@paper"],
            "line": {"width": 2, "color": colour},
        },
        "showlegend": False,
    }


def axis(margins: np.ndarray) -> np.ndarray:
    """The cuts drawn: as far as scores reach, 0 among them."""
    widest = float(np.clip(np.quantile(np.abs(margins), 0.98), 1.0, WIDEST))
    result: np.ndarray = np.linspace(-widest, widest, STEPS)
    return result


def draw(material: Material) -> list[Chart]:
    """Validation and test of the featured run, for two classes; more classes have no single cut."""
    known = material.told
    if known is None or len(material.classes) != 2 or material.row(known.run).test is None:
        return []
    parts = {part: scores(material.decisions(known.run, part)) for part in NAMES}
    if any(positive.all() or not positive.any() for _, positive in parts.values()):
        return []
    cuts = axis(np.concatenate([margin for margin, _ in parts.values()]))
    of_second = int(parts["test"][1].sum())
    counts = np.array([[len(parts["test"][1]) - of_second, of_second]], dtype=np.float64)
    share, score = float(ClassWeights.of(known.metric, material.classes).of_classes(counts)[0, 1]), known.metric.words
    curves = {part: accuracies(*found, share, cuts) for part, found in parts.items()}
    traces = [line(part, cuts, values, score) for part, values in curves.items()]
    traces += [marks(part, cuts, values) for part, values in curves.items()]
    traces += [legend_entry("present cut"), legend_entry("best on these images", hollow=True, symbol="diamond")]
    shown = [p for p in TICKS if abs(np.log(p / (1 - p))) <= cuts[-1] + 1e-9]
    name = plotly_text(shortened(material.classes[1], 24))
    layout = {
        "xaxis": {
            "title": {"text": f"called {name} from this probability on"},
            "tickvals": [float(np.log(p / (1 - p))) for p in shown],
            "ticktext": [f"{100 * p:.4g} %" for p in shown],
        },
        "yaxis": {"title": {"text": f"{score}, %"}},
        "hovermode": "closest",
        "shapes": [
            {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
            | {"line": {"color": "@grey", "width": 1}}
        ],
    }
    csv: list[list[Raw]] = [
        [known.run, part, float(cut), float(1 / (1 + np.exp(-cut))), float(value)]
        for part, values in curves.items()
        for cut, value in zip(cuts, values, strict=True)
    ]
    gain = 100 * float(curves["test"].max() - curves["test"][np.abs(cuts).argmin()])
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Solid: test. Dotted: validation, its classes weighted as on test. If the top of the solid "
            "curve lies to one side of the grey line, the present cut is in the wrong place for these images. The best "
            "cut is found on the very images it is scored on and flatters; the budget sets it on some patients and "
            "scores it on others.",
            f"At the present cut test {score} is {percent(float(curves['test'][np.abs(cuts).argmin()]))}; at the best "
            f"cut of these images {number(gain)} points more.",
            spec(traces, layout, 340, ["present cut", "best on these images"]),
            sheet(["run", "split", "cut_log_odds", "cut_probability", known.metric.name], csv),
        )
    ]


FIGURE = Figure(
    "threshold-curve", "Where the line between the classes is drawn", "evidence", 1, draw, ("single",), each_run=True
)
