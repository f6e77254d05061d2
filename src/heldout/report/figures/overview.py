"""The compact picture: validation and test accuracy of every run, with their intervals."""

from __future__ import annotations

from heldout.answer.texts import capital, listing, percent
from heldout.records import Estimate, RunRow
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import FIRST_SCREEN, Figure, Trace, broken_label, label, spec
from heldout.report.marks import dots, legend_entry, row_axis
from heldout.report.material import Material

STEERED = "Hollow: validation, the images the runs were steered by. Filled: test, images no run has learned from."
"""What the dots are where the runs were trained here."""

OUT_OF_FOLD = (
    "Hollow: validation out of fold, each image by a network that did not learn from it. Filled: test, images no run "
    "has learned from, by the mean of the folds' networks."
)
"""The same of a cross-validation."""

NESTED = "Hollow: each image by a network of a fold that neither learned from it nor chose anything by it."
"""The same of a nested one."""


def told(material: Material) -> str:
    """What hollow and filled dots are."""
    if material.files.given:
        return "Hollow: validation. Filled: test."
    if material.split.folds:
        return OUT_OF_FOLD if material.tested else NESTED
    return STEERED


def parts_of(row: RunRow) -> list[tuple[str, Estimate]]:
    """The parts that a run was scored on, with its score there."""
    parts = (("validation", row.val), ("test", row.test))
    return [(part, scores.score) for part, scores in parts if scores]


def dots_of(material: Material, row: RunRow, place: int) -> list[Trace]:
    """Validation and test of one run, one above the other."""
    mark, name = material.marks[row.id], label(material.names[row.id])
    return [
        dots(
            [score],
            [place + (0.16 if part == "test" else -0.16)],
            [f"{name}<br>{part}"],
            colour=mark.ink,
            symbol=mark.symbol,
            scale=100,
            size=10,
            hollow=part == "validation",
        )
        for part, score in parts_of(row)
    ]


def draw(material: Material) -> list[Chart]:
    """One row a run, best test accuracy on top."""
    runs = material.tested or material.runs
    names = {row.id: material.names[row.id].label for row in runs}
    traces = [trace for place, row in enumerate(runs) for trace in dots_of(material, row, place)]
    parts = ["validation", "test"] if material.tested else ["validation"]
    traces += [legend_entry(part, hollow=part == "validation") for part in parts]
    layout = {
        "xaxis": {"title": {"text": f"{material.metric.words}, %"}},
        "yaxis": row_axis([broken_label(material.names[row.id]) for row in runs]),
        "hovermode": "closest",
    }
    csv: list[list[Raw]] = [
        [row.id, names[row.id], {"validation": "val"}.get(part, part), e.value, e.low, e.high, e.n, e.method]
        for row in runs
        for part, e in parts_of(row)
    ]
    words = [
        f"{names[row.id]}: {', '.join(f'{part} {percent(e.value)}' for part, e in parts_of(row))}" for row in runs[:12]
    ]
    return [
        Chart(
            FIGURE.name,
            f"Validation and test {material.metric.words} of every run",
            f"{told(material)} Line: 95 % interval. Where the "
            "lines of two runs overlap widely, do not read a difference into their dots.",
            f"{capital(material.metric.words)} of {len(runs)} runs. {listing(words)}.",
            spec(traces, layout, 90 + 40 * len(runs), parts),
            sheet(["run", "label", "split", material.metric.name, "low", "high", "n", "method"], csv),
        )
    ]


FIGURE = Figure("overview", "Validation and test accuracy of every run", FIRST_SCREEN, 0, draw)
