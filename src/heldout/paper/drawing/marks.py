"""Marks, dashes and colours of plotly.js in the words of matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heldout.errors import HeldoutError

PT = 0.56
"""Points a CSS pixel of the page: 12.5 pixels of its text become 7 points, and everything shrinks alike."""

SYMBOLS: dict[str, Any] = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "triangle-left": "<",
    "triangle-right": ">",
    "pentagon": "p",
    "star": "*",
    "hexagram": (6, 1, 0),
    "cross": "P",
    "x": "X",
    "line-ns": "|",
    "line-ew": "_",
}
SMALLER = {"diamond": 0.8}
"""Marks that matplotlib draws larger than plotly.js."""

STROKES = ("line-ns", "line-ew")

DASHES: dict[str, Any] = {
    "solid": "-",
    "dot": (0, (1.2, 1.6)),
    "dash": (0, (4, 2)),
    "longdash": (0, (7, 2)),
    "dashdot": (0, (4, 2, 1.2, 2)),
}

STEPS = {"linear": "default", "hvh": "steps-mid", "hv": "steps-post", "vh": "steps-pre"}


class UndrawnError(HeldoutError):
    """A figure asks for what the renderer does not draw."""


def known(table: Mapping[str, Any], name: str, what: str) -> Any:
    """An entry of one of the tables above.

    Raises:
        UndrawnError: There is none.
    """
    if name not in table:
        raise UndrawnError(f"found {what} '{name}', expected one of {', '.join(table)}")
    return table[name]


def mark(marker: Mapping[str, Any], colour: str, paper: str, place: int | None = None) -> dict[str, Any]:
    """Properties of matplotlib for one mark; of the one at `place` where they are lists."""

    def one(value: Any) -> Any:
        return value[place] if isinstance(value, list) and place is not None else value

    symbol = str(one(marker.get("symbol", "circle")))
    hollow = symbol.endswith("-open")
    symbol = symbol.removesuffix("-open")
    fill = str(one(marker.get("color", colour)))
    line = marker.get("line", {})
    edge = str(one(line.get("color", fill)))
    stroke = symbol in STROKES
    return {
        "marker": known(SYMBOLS, symbol, "marker symbol"),
        "markersize": PT * float(one(marker.get("size", 6))) * SMALLER.get(symbol, 1.0),
        "markerfacecolor": paper if hollow else fill,
        "markeredgecolor": fill if hollow or stroke else edge,
        "markeredgewidth": PT * float(one(line.get("width", 2 if hollow or stroke else 0))),
    }


def scattered(marker: Mapping[str, Any]) -> bool:
    """Whether each point has a mark of its own."""
    line = marker.get("line", {})
    return any(isinstance(value, list) for value in (*marker.values(), *line.values()))


def stroke(line: Mapping[str, Any], colour: str) -> dict[str, Any]:
    """Properties of matplotlib for a line."""
    return {
        "color": line.get("color", colour),
        "linewidth": PT * float(line.get("width", 2)),
        "linestyle": known(DASHES, str(line.get("dash", "solid")), "line dash"),
    }


def ends(error: Mapping[str, Any]) -> list[Sequence[float]]:
    """Lengths of error bars, to the lower and the upper end.

    Raises:
        UndrawnError: They are not told by data.
    """
    if error.get("type", "data") != "data" or "array" not in error:
        raise UndrawnError(f"found error bars of type '{error.get('type')}', expected 'data'")
    upper = [max(float(value), 0.0) for value in error["array"]]
    lower = error.get("arrayminus") if not error.get("symmetric", True) else None
    return [upper if lower is None else [max(float(value), 0.0) for value in lower], upper]
