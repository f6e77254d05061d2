"""The compact picture: validation and test accuracy of every run, with their intervals."""

from __future__ import annotations

from heldout.answer.texts import listing, percent
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import FIRST_SCREEN, Figure, broken_label, label, spec
from heldout.report.marks import dots, legend_entry, row_axis
from heldout.report.material import Material


def draw(material: Material) -> list[Chart]:
    """One row a run, best test accuracy on top."""
    runs = material.tested or material.runs
    traces = []
    for place, row in enumerate(runs):
        mark = material.marks[row.id]
        for part, scores, offset in (("validation", row.val, -0.16), ("test", row.test, 0.16)):
            if scores:
                traces.append(
                    dots(
                        [scores.accuracy],
                        [place + offset],
                        [f"{label(material.names[row.id])}<br>{part}"],
                        colour=mark.ink,
                        symbol=mark.symbol,
                        scale=100,
                        size=10,
                        hollow=part == "validation",
                    )
                )
    parts = ["validation", "test"] if material.tested else ["validation"]
    traces += [legend_entry(part, hollow=part == "validation") for part in parts]
    layout = {
        "xaxis": {"title": {"text": "accuracy, %"}},
        "yaxis": row_axis([broken_label(material.names[row.id]) for row in runs]),
        "hovermode": "closest",
    }
    csv: list[list[Raw]] = []
    for row in runs:
        for part, scores in (("val", row.val), ("test", row.test)):
            if scores:
                e = scores.accuracy
                csv.append([row.id, material.names[row.id].label, part, e.value, e.low, e.high, e.n, e.method])
    words = [
        f"{material.names[row.id].label}: validation {percent(row.val.accuracy.value)}"
        + (f", test {percent(row.test.accuracy.value)}" if row.test else "")
        for row in runs
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


FIGURE = Figure("overview", "Validation and test accuracy of every run", FIRST_SCREEN, 0, draw)
