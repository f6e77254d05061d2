"""Recipes that `--strategies auto` tried: how far each lies behind the recommended one, rung by rung."""

from __future__ import annotations

from heldout.answer.names import short_models
from heldout.answer.selection import judged_on, strategy_told
from heldout.answer.texts import count, shortened
from heldout.records import Estimate
from heldout.records.selection import Selection
from heldout.report.blocks import Chart, Raw, sheet
from heldout.report.figure import Figure, plotly_text, spec
from heldout.report.marks import dots, legend_entry, row_axis
from heldout.report.material import Material

MARKS = {"recommended": ("@accent", False), "as good": ("@accent", True), "worse": ("@muted", True)}
"""Standing -> colour, and whether the dot is hollow."""

APART = 0.6
"""Room between two rungs, in rows."""


def standing(found: Selection, place: int) -> str:
    """How a candidate stands to the recommended one."""
    return "recommended" if place == found.chosen else found.behind[place].standing


def chart(found: Selection, place: int, images: int) -> Chart:
    """One search; `images` is the number of images that recipes were judged by."""
    names = short_models(found.models)
    order = sorted(range(len(found.candidates)), key=lambda n: found.candidates[n].rung)
    places = [row + APART * found.candidates[n].rung for row, n in enumerate(order)]
    points = [
        Estimate(-one.points, -one.high, -one.low, images, "") for one in (found.behind[n] for n in order)
    ]  # right of zero: better than the recommended one
    lines = [
        (f"{found.candidates[n].rung + 1}: {names[found.candidates[n].backbone]}", strategy_told(found.candidates[n]))
        for n in order
    ]
    traces = []
    for name, (colour, hollow) in MARKS.items():
        rows = [row for row, n in enumerate(order) if standing(found, n) == name]
        if rows:
            told = [plotly_text(" ".join(lines[row])) for row in rows]
            trace = dots(
                [points[row] for row in rows], [places[row] for row in rows], told, colour=colour, hollow=hollow
            )
            trace["hovertemplate"] = "%{customdata[0]}<br><b>%{x:.1f}</b>  [%{customdata[1]:.1f}, %{customdata[2]:.1f}]"
            traces += [trace, legend_entry(name, hollow=hollow, colour=colour)]
    ticks = ["<br>".join(plotly_text(shortened(line, 44)) for line in pair) for pair in lines]
    narrow = ["<br>".join(plotly_text(shortened(line, 22)) for line in pair) for pair in lines]
    layout = {
        "xaxis": {"title": {"text": "difference, points"}, "zeroline": True},
        "yaxis": row_axis(ticks, places),
        "hovermode": "closest",
    }
    csv: list[list[Raw]] = [
        [n, one.backbone, strategy_told(one), one.rung + 1, e.value, e.low, e.high, standing(found, n)]
        for n, one, e in zip(order, (found.candidates[n] for n in order), points, strict=True)
    ]
    height = 110 + 44 * len(order)
    equal = sum(standing(found, n) == "as good" for n in order)
    return Chart(
        FIGURE.name if place == 0 else f"{FIGURE.name}-{place + 1}",
        FIGURE.title,
        f"Images right of each recipe minus those of the recommended one, on {judged_on(found)}, in points, with the "
        "95 % interval; the number in front is the rung of the ladder. A line that reaches zero: the recipe is as "
        "good, as far as these images can tell.",
        f"{count(len(order), 'recipe')} tried; {equal} cannot be told from the recommended one.",
        spec(traces, layout, height, list(MARKS), {"height": height, "ticktext": narrow}),
        sheet(["candidate", "model", "recipe", "rung", "points", "low", "high", "standing"], csv),
    )


def draw(material: Material) -> list[Chart]:
    """A figure a search of two recipes or more."""
    found = material.comparison.selections
    return [chart(one, place, len(material.split.val)) for place, one in enumerate(found) if len(one.candidates) > 1]


FIGURE = Figure("candidates", "How far the other recipes lie behind", "selection", 0, draw)
