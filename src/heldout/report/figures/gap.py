"""How far test lies from validation, run by run."""

from __future__ import annotations

from heldout.report._blocks import Chart, Raw, sheet
from heldout.report._material import Material
from heldout.report._words import signed
from heldout.report.figures._figure import Figure, broken_label, dots, label, row_axis, spec


def draw(material: Material) -> list[Chart]:
    """Validation minus test accuracy in points, one row a run."""
    runs = [(run, run.row.gap_points) for run in material.tested if run.row.gap_points is not None]
    if not runs:
        return []
    estimates = [gap for _, gap in runs if gap is not None]
    trace = dots(
        estimates,
        list(range(len(runs))),
        [label(run) for run, _ in runs],
        colours=[run.ink for run, _ in runs],
        symbol=[run.symbol for run, _ in runs],
        size=10,
    )
    rows: list[list[Raw]] = [
        [run.row.id, run.label, gap.value, gap.low, gap.high, gap.n, gap.method]
        for (run, _), gap in zip(runs, estimates, strict=True)
    ]
    layout = {
        "xaxis": {"title": {"text": "validation − test, accuracy points"}, "zeroline": True, "rangemode": "tozero"},
        "yaxis": row_axis([broken_label(run) for run, _ in runs]),
        "hovermode": "closest",
    }
    words = "; ".join(f"{run.label} {signed(gap.value)}" for (run, _), gap in zip(runs, estimates, strict=True))
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Right of zero, validation promised more than the test kept. A line that crosses zero: this test set cannot "
            "tell whether validation and test differ at all.",
            f"Validation minus test accuracy in points: {words}.",
            spec([trace], layout, 90 + 40 * len(runs)),
            sheet(["run", "label", "gap_points", "low", "high", "n", "method"], rows),
        )
    ]


FIGURE = Figure("gap", "How far test lies from validation", "comparison", 0, draw)
