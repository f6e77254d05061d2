"""The compact picture: validation and test accuracy of every run, with their intervals."""

from __future__ import annotations

from heldout.report._blocks import Chart, Raw, sheet
from heldout.report._material import Material
from heldout.report._words import listing, percent
from heldout.report.figures._figure import Figure, broken_label, label, spec
from heldout.report.figures._marks import dots, legend_entry, row_axis


def draw(material: Material) -> list[Chart]:
    """One row a run, best test accuracy on top."""
    runs = material.tested or material.runs
    traces = []
    for row, run in enumerate(runs):
        for part, scores, offset in (("validation", run.row.val, -0.16), ("test", run.row.test, 0.16)):
            if scores:
                traces.append(
                    dots(
                        [scores.accuracy],
                        [row + offset],
                        [f"{label(run)}<br>{part}"],
                        colour=run.ink,
                        symbol=run.symbol,
                        scale=100,
                        size=10,
                        hollow=part == "validation",
                    )
                )
    parts = ["validation", "test"] if material.tested else ["validation"]
    traces += [legend_entry(part, hollow=part == "validation") for part in parts]
    layout = {
        "xaxis": {"title": {"text": "accuracy, %"}},
        "yaxis": row_axis([broken_label(run) for run in runs]),
        "hovermode": "closest",
    }
    csv: list[list[Raw]] = []
    for run in runs:
        for part, scores in (("val", run.row.val), ("test", run.row.test)):
            if scores:
                e = scores.accuracy
                csv.append([run.row.id, run.label, part, e.value, e.low, e.high, e.n, e.method])
    words = [
        f"{run.label}: validation {percent(run.row.val.accuracy.value)}"
        + (f", test {percent(run.row.test.accuracy.value)}" if run.row.test else "")
        for run in runs
    ]
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Hollow: validation, the images the runs were steered by. Filled: test, images no run has learned "
            "from. Line: 95 % interval. Where the lines of two runs overlap widely, do not read a difference "
            "into their dots.",
            f"Accuracy of {len(runs)} runs. {listing(words[:12])}.",
            spec(traces, layout, 110 + 46 * len(runs), parts),
            sheet(["run", "label", "split", "accuracy", "low", "high", "n", "method"], csv),
        )
    ]


FIGURE = Figure("overview", "Validation and test accuracy of every run", "first", 0, draw)
