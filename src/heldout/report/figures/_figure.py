"""What a figure plug-in is, and the few marks that figures share.

A figure is plain data for plotly.js: traces and layout. Colours are roles that the page fills in for light and dark:
`@run0` … `@run7`, `@ink`, `@muted`, `@grey`, `@grid`, `@accent`, `@paper`, `@low`, `@high`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from heldout.records import Estimate
from heldout.report._blocks import Chart
from heldout.report._material import Material, ReportedRun
from heldout.report._words import plotly_text, shortened

Trace = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """A figure of the report, bound to `FIGURE` in a file of its own.

    Attributes:
        name: Name on the shelf, anchor on the page and name of the saved files.
        title: Heading above it.
        section: Id of the section it stands in (`page.py` lists them); an unknown one puts it at the end.
        order: Place among the figures of its section.
        draw: The charts; none if the study has nothing to draw.
    """

    name: str
    title: str
    section: str
    order: int
    draw: Callable[[Material], Sequence[Chart]]


def spec(
    traces: Sequence[Trace],
    layout: dict[str, Any],
    height: int,
    legend: Sequence[str] = (),
    narrow: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A figure for `templates/figures.js`.

    Args:
        traces: For plotly.js.
        layout: For plotly.js; fonts, margins and colours of the axes come from the page.
        height: In CSS pixels, legend aside.
        legend: Entries of the legend, so that the page can make room for them.
        narrow: What differs on a narrow screen: `height`, and the `ticktext` of the rows.
    """
    return {"data": list(traces), "layout": layout, "height": height, "legend": list(legend), "narrow": narrow or {}}


def label(run: ReportedRun) -> str:
    """A run's label for plotly.js."""
    return plotly_text(shortened(run.label, 48))


def broken_label(run: ReportedRun) -> str:
    """A run's label on two lines, for the ticks of a narrow axis."""
    return "<br>".join(plotly_text(shortened(line, 24)) for line in run.two_lines)


def row_axis(ticks: Sequence[str], positions: Sequence[float] | None = None, pad: float = 0.6) -> dict[str, Any]:
    """A vertical axis of named rows, the first on top."""
    places = list(positions if positions is not None else range(len(ticks)))
    return {
        "tickvals": places,
        "ticktext": list(ticks),
        "range": [max(places, default=0) + pad, min(places, default=0) - pad],
        "zeroline": False,
        "showgrid": False,
        "automargin": True,
        "ticklabelstandoff": 6,
    }


def dots(
    estimates: Sequence[Estimate],
    rows: Sequence[float],
    names: Sequence[str],
    *,
    colour: str,
    symbol: str = "circle",
    scale: float = 1.0,
    size: int = 9,
    hollow: bool = False,
) -> Trace:
    """Dots with their intervals along named rows, in one colour."""
    known = list(zip(names, estimates, strict=True))
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [scale * e.value for e in estimates],
        "y": list(rows),
        "customdata": [[name, scale * e.low, scale * e.high, e.n] for name, e in known],
        "hovertemplate": "%{customdata[0]}<br><b>%{x:.1f}</b>  [%{customdata[1]:.1f}, %{customdata[2]:.1f}], "
        "n = %{customdata[3]}<extra></extra>",
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [scale * (e.high - e.value) for e in estimates],
            "arrayminus": [scale * (e.value - e.low) for e in estimates],
            "thickness": 1.6,
            "width": 0,
            "color": colour,
        },
        "marker": {
            "size": size,
            "symbol": symbol,
            "color": "@paper" if hollow else colour,
            "line": {"width": 2, "color": colour},
        },
        "showlegend": False,
    }


def legend_entry(name: str, *, hollow: bool = False, colour: str = "@ink", symbol: str = "circle") -> Trace:
    """An entry of the legend without data behind it."""
    marker = {"size": 9, "symbol": symbol, "color": "@paper" if hollow else colour}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "name": name,
        "marker": {**marker, "line": {"width": 2, "color": colour}},
        "hoverinfo": "skip",
    }
