"""How much each group of images loses from validation to test."""

from __future__ import annotations

from heldout.answer.groups import stands_out, told_in_short
from heldout.answer.texts import shortened
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, plotly_text, spec
from heldout.report.marks import dots, legend_entry, row_axis
from heldout.report.material import Material

MOST = 24
"""Groups that are drawn; the table holds all."""


def draw(material: Material) -> list[Chart]:
    """A row a group: its gap with its interval, filled where it surely loses more than all other images."""
    known = material.featured
    groups = () if known is None else told_in_short(known, MOST)
    if known is None or not groups:
        return []
    traces = []
    for sure in (True, False):
        rows = [(place, group) for place, group in enumerate(groups) if stands_out(group) == sure and group.gap_points]
        gaps = [group.gap_points for _, group in rows if group.gap_points]
        names = [plotly_text(shortened(group.name, 40)) for _, group in rows]
        places = [float(place) for place, _ in rows]
        traces.append(dots(gaps, places, names, colour="@accent" if sure else "@muted", hollow=not sure))
    entries = ["surely more than all others", "not told apart from them"]
    traces += [
        legend_entry(entries[0], colour="@accent"),
        legend_entry(entries[1], colour="@muted", hollow=True),
    ]
    gap = known.gap_points
    lines = (
        [] if gap is None else [{"type": "line", "x0": gap.value, "x1": gap.value, "yref": "paper", "y0": 0, "y1": 1}]
    )
    layout = {
        "xaxis": {"title": {"text": "validation minus test, points"}},
        "yaxis": row_axis([plotly_text(shortened(group.name, 30)) for group in groups]),
        "hovermode": "closest",
        "shapes": [{**line, "line": {"color": "@grey", "width": 1, "dash": "dot"}} for line in lines],
    }
    rows_: list[list[Raw]] = [
        [known.run, g.name, g.gap_points.value, g.gap_points.low, g.gap_points.high, g.p]
        for g in groups
        if g.gap_points
    ]
    return [
        Chart(
            FIGURE.name,
            FIGURE.title,
            "Gap of each group with its 95 % interval, the dotted line is that of all images. Filled: the group loses "
            "more than all others, whatever the number of groups.",
            f"Gap between validation and test of {len(groups)} groups of images.",
            spec(traces, layout, 110 + 26 * len(groups), entries),
            sheet(["run", "group", "gap_points", "low", "high", "p"], rows_),
        )
    ]


FIGURE = Figure("subgroup-gaps", "The gap of each group", "subgroups", 0, draw, ("single",), each_run=True)
