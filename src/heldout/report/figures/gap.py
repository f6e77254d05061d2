"""How far test lies from validation, run by run."""

from __future__ import annotations

from heldout.answer.texts import signed
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, broken_label, label, spec
from heldout.report.marks import dots, row_axis
from heldout.report.material import Material


def draw(material: Material) -> list[Chart]:
    """Validation minus test accuracy in points, one row a run."""
    known = [(row.id, row.gap_points) for row in material.tested if row.gap_points is not None]
    if not known:
        return []
    names, marks = material.names, material.marks
    traces = [
        dots([gap], [row], [label(names[id_])], colour=marks[id_].ink, symbol=marks[id_].symbol, size=10)
        for row, (id_, gap) in enumerate(known)
    ]
    rows: list[list[Raw]] = [
        [id_, names[id_].label, gap.value, gap.low, gap.high, gap.n, gap.method] for id_, gap in known
    ]
    layout = {
        "xaxis": {
            "title": {"text": f"validation − test, points of {material.metric.words}"},
            "zeroline": True,
            "rangemode": "tozero",
        },
        "yaxis": row_axis([broken_label(names[id_]) for id_, _ in known]),
        "hovermode": "closest",
    }
    words = "; ".join(f"{names[id_].label} {signed(gap.value)}" for id_, gap in known)
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Right of zero, validation promised more than the test kept. A line that crosses zero: this test set "
            "cannot tell whether validation and test differ at all.",
            f"Validation minus test {material.metric.words} in points: {words}.",
            spec(traces, layout, 90 + 40 * len(known)),
            sheet(["run", "label", "gap_points", "low", "high", "n", "method"], rows),
        )
    ]


FIGURE = Figure("gap", "How far test lies from validation", "comparison", 0, draw)
