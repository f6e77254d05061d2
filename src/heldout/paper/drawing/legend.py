"""The legend above a figure, in as many columns as fit its width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from heldout.paper.drawing.marks import mark, stroke
from heldout.paper.drawing.text import LINE, SIZE, width_of, wrapped

SIGN = 22.0
"""Points that the sign before a name and the gaps about it take."""

SIGN_LENGTH = 1.6
"""Length of a line before a name, in multiples of the size of text."""


def entries(spec: Mapping[str, Any], paper: str, ink: str) -> list[tuple[Artist, str]]:
    """Sign and name of each entry, as plotly.js would list them; none where the figure names no entries."""
    if not spec.get("legend"):
        return []
    found: dict[str, Artist] = {}
    for trace in spec["data"]:
        name = trace.get("name")
        if name and trace.get("showlegend", True) and name not in found:
            found[name] = sign(trace, paper, ink)
    return [(artist, name) for name, artist in found.items()]


def sign(trace: Mapping[str, Any], paper: str, ink: str) -> Artist:
    """What stands before the name of a trace."""
    marker = trace.get("marker", {})
    if trace["type"] == "bar":
        colour = marker.get("color", ink)
        return Patch(facecolor=colour if isinstance(colour, str) else ink, linewidth=0)
    mode, line = trace.get("mode", "lines"), trace.get("line", {})
    colour = line.get("color") or marker.get("color") or ink
    lined = stroke(line, colour) if "lines" in mode else {"linestyle": "none"}
    marked = mark(marker, colour, paper, 0) if "markers" in mode else {}
    return Line2D([0], [0], **{"color": colour, **lined, **marked})


def columns(names: Sequence[str], width: float) -> tuple[int, list[str], int]:
    """Number of columns, the names as they are written, and lines that the legend is high."""
    written = ["\n".join(wrapped(name, width - SIGN - 6)) for name in names]
    widest = [max(width_of(line) for line in name.split("\n")) + SIGN for name in written]
    for number in range(min(len(names), 4), 0, -1):
        columns_ = np.array_split(np.arange(len(names)), number)  # as matplotlib divides them
        total = sum(max(widest[place] for place in column) for column in columns_)
        if total <= width - 4 or number == 1:
            return number, written, max(sum(written[p].count("\n") + 1 for p in column) for column in columns_)
    raise AssertionError("one column always fits")


def height(names: Sequence[str], width: float) -> float:
    """Points that the legend takes."""
    return columns(names, width)[2] * SIZE * LINE * 1.15 + 5 if names else 0.0


def draw(figure: Figure, found: Sequence[tuple[Artist, str]], width: float) -> None:
    """Put it above the axes; constrained layout makes the room."""
    if not found:
        return
    number, written, _ = columns([name for _, name in found], width)
    made = figure.legend(
        [artist for artist, _ in found],
        written,
        loc="outside upper left",
        ncols=number,
        frameon=False,
        fontsize=SIZE,
        handlelength=SIGN_LENGTH,
        handletextpad=0.5,
        columnspacing=1.2,
        borderaxespad=0.1,
        borderpad=0.1,
        labelspacing=0.25,
    )
    for text in made.get_texts():
        text.set_parse_math(False)
