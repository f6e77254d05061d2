"""The marks that figures share: rows with dots and their intervals, entries of a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heldout.records import Estimate
from heldout.report.figure import Trace


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
