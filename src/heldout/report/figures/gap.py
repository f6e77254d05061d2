"""How far test lies from validation, run by run."""

from __future__ import annotations

from heldout.report._blocks import Chart, Raw, sheet
from heldout.report._material import Material
from heldout.report._words import signed
from heldout.report.figures._figure import Figure, broken_label, label, spec
from heldout.report.figures._marks import dots, row_axis


def draw(material: Material) -> list[Chart]:
    """Validation minus test accuracy in points, one row a run."""
    runs = [(run, run.row.gap_points) for run in material.tested]
    known = [(run, gap) for run, gap in runs if gap is not None]
    if not known:
        return []
    traces = [
        dots([gap], [row], [label(run)], colour=run.ink, symbol=run.symbol, size=10)
        for row, (run, gap) in enumerate(known)
    ]
    rows: list[list[Raw]] = [
        [run.row.id, run.label, gap.value, gap.low, gap.high, gap.n, gap.method] for run, gap in known
    ]
    layout = {
        "xaxis": {"title": {"text": "validation − test, accuracy points"}, "zeroline": True, "rangemode": "tozero"},
        "yaxis": row_axis([broken_label(run) for run, _ in known]),
        "hovermode": "closest",
    }
    words = "; ".join(f"{run.label} {signed(gap.value)}" for run, gap in known)
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Right of zero, validation promised more than the test kept. A line that crosses zero: this test set "
            "cannot tell whether validation and test differ at all.",
            f"Validation minus test accuracy in points: {words}.",
            spec(traces, layout, 90 + 40 * len(known)),
            sheet(["run", "label", "gap_points", "low", "high", "n", "method"], rows),
        )
    ]


FIGURE = Figure("gap", "How far test lies from validation", "comparison", 0, draw)
