"""Traces of plotly.js drawn on axes of matplotlib; one function a type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from heldout.paper.drawing.marks import PT, STEPS, UndrawnError, ends, known, mark, scattered, stroke
from heldout.paper.drawing.text import SIZE, lines

Trace = Mapping[str, Any]

MODES = ("lines", "markers", "lines+markers")
DARK = 0.2
"""Relative luminance of a field below which its text is white: there white and ink have the same contrast (WCAG)."""


def numbers(values: Sequence[Any]) -> np.ndarray:
    """(n,) floats, NaN where there is nothing."""
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def whiskers(axes: Axes, trace: Trace, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    """Error bars of a trace."""
    for name in ("error_x", "error_y"):
        error = trace.get(name)
        if not error:
            continue
        drawn = axes.errorbar(
            x,
            y,
            xerr=ends(error) if name == "error_x" else None,
            yerr=ends(error) if name == "error_y" else None,
            fmt="none",
            ecolor=error.get("color", colour),
            elinewidth=PT * float(error.get("thickness", 2)),
            capsize=PT * float(error.get("width", 4)),
            capthick=PT * float(error.get("thickness", 2)),
            zorder=2.6,
        )
        for line in drawn.lines[2]:
            line.set_clip_on(True)


def scatter(axes: Axes, trace: Trace, paper: str, ink: str, _beside: Sequence[Trace]) -> None:
    """Lines and marks, with their error bars."""
    mode = trace.get("mode", "lines")
    if mode not in MODES:
        raise UndrawnError(f"found a scatter trace of mode '{mode}', expected one of {', '.join(MODES)}")
    x, y = numbers(trace["x"]), numbers(trace["y"])
    marker, line = trace.get("marker", {}), trace.get("line", {})
    colour = line.get("color") or (marker.get("color") if isinstance(marker.get("color"), str) else None) or ink
    alpha = float(trace.get("opacity", 1.0))
    if "lines" in mode:
        steps = known(STEPS, str(line.get("shape", "linear")), "line shape")
        axes.plot(x, y, drawstyle=steps, alpha=alpha, zorder=2.5, solid_joinstyle="round", **stroke(line, colour))
    whiskers(axes, trace, x, y, colour)
    if "markers" not in mode:
        return
    if scattered(marker):
        for place in range(len(x)):
            axes.plot(x[place], y[place], linestyle="none", zorder=3, **mark(marker, colour, paper, place))
        return
    every = marker.get("maxdisplayed")
    shown = max(1, -(-len(x) // int(every))) if every else None
    axes.plot(x, y, linestyle="none", alpha=alpha, zorder=3, markevery=shown, **mark(marker, colour, paper))


def bar(axes: Axes, trace: Trace, _paper: str, ink: str, beside: Sequence[Trace]) -> None:
    """Bars, lying or standing, from a base, with what is written at their ends."""
    lying = trace.get("orientation", "v") == "h"
    length, place = (numbers(trace[name]) for name in (("x", "y") if lying else ("y", "x")))
    base = trace.get("base", 0)
    base = numbers(base) if isinstance(base, list) else np.full(len(length), float(base or 0))
    thick, shift = room(trace, beside)
    colour = trace.get("marker", {}).get("color", ink)
    options = {"color": colour, "zorder": 2.2, "linewidth": 0}
    if lying:
        axes.barh(place + shift, length, height=thick, left=base, **options)
        whiskers(axes, trace, base + length, place + shift, ink)
    else:
        axes.bar(place + shift, length, width=thick, bottom=base, **options)
        whiskers(axes, trace, place + shift, base + length, ink)
    if "text" in trace:
        written(axes, trace, base + length, place + shift, lying)


def room(trace: Trace, beside: Sequence[Trace]) -> tuple[float, float]:
    """How thick a trace's bars are, and how far off their place, among all bar traces of the figure.

    `bargap` is the share of a place that stays free, 0.2 unless said otherwise, as plotly.js has it.
    """
    layout = trace["_layout"]
    mode, gap = layout.get("barmode", "group"), float(layout.get("bargap", 0.2))
    if mode not in ("group", "overlay"):
        raise UndrawnError(f"found bars side by side by '{mode}', expected group or overlay")
    bars = [other for other in beside if other["type"] == "bar"]
    own = trace.get("width")
    if mode == "overlay" or len(bars) < 2:
        return float(own if own is not None else 1 - gap), 0.0
    step = (1 - gap) / len(bars)
    place = next(number for number, other in enumerate(bars) if other is trace)
    return float(own if own is not None else step), (place - (len(bars) - 1) / 2) * step


def written(axes: Axes, trace: Trace, at: np.ndarray, place: np.ndarray, lying: bool) -> None:
    """What is written at the end of each bar."""
    where = trace.get("textposition", "outside")
    if where not in ("outside", "auto"):
        raise UndrawnError(f"found text of bars '{where}', expected outside")
    for text, end, beside in zip(trace["text"], at, place, strict=True):
        axes.annotate(
            "\n".join(lines(text)),
            (end, beside) if lying else (beside, end),
            xytext=(2.5, 0) if lying else (0, 2.5),
            textcoords="offset points",
            ha="left" if lying else "center",
            va="center" if lying else "bottom",
            parse_math=False,
            annotation_clip=False,
        )


def heatmap(axes: Axes, trace: Trace, paper: str, ink: str, _beside: Sequence[Trace]) -> None:
    """Fields as rectangles, never as an image, with what is written in them."""
    if trace.get("showscale", True):
        raise UndrawnError("found a heatmap with a scale beside it (showscale), expected one without")
    z = np.array([[np.nan if value is None else value for value in row] for row in trace["z"]], dtype=np.float64)
    x, y = numbers(trace["x"]), numbers(trace["y"])
    scale = [(float(at), str(colour)) for at, colour in trace["colorscale"]]
    colours = LinearSegmentedColormap.from_list("heldout", scale)
    low, high = float(trace.get("zmin", np.nanmin(z))), float(trace.get("zmax", np.nanmax(z)))
    shade = colours(np.clip((z - low) / max(high - low, 1e-12), 0, 1))
    gap = PT * float(trace.get("xgap", 0))
    axes.pcolormesh(
        edges(x),
        edges(y),
        z,
        cmap=colours,
        vmin=low,
        vmax=high,
        edgecolors=paper if gap else "face",
        linewidth=gap or 0.05,
        rasterized=False,
        antialiased=bool(gap),
        zorder=2,
    )
    if trace.get("texttemplate") != "%{text}":
        return
    size = SIZE * min(1.0, float(trace.get("textfont", {}).get("size", 12.5)) / 12.5)
    for i, row in enumerate(trace["text"]):
        for j, text in enumerate(row):
            colour = paper if luminance(shade[i, j]) < DARK else ink
            said = "\n".join(lines(text))
            axes.text(
                x[j], y[i], said, ha="center", va="center", color=colour, size=size, zorder=3, parse_math=False
            ).set_in_layout(False)


def edges(middles: np.ndarray) -> np.ndarray:
    """(n + 1,) edges of fields about their middles."""
    if len(middles) < 2:
        return np.array([middles[0] - 0.5, middles[0] + 0.5])
    between = (middles[1:] + middles[:-1]) / 2
    return np.concatenate([[2 * middles[0] - between[0]], between, [2 * middles[-1] - between[-1]]])


def luminance(colour: Any) -> float:
    """Relative luminance of a colour, 0 black … 1 white (WCAG 2.1)."""
    part = np.array(to_rgb(colour))
    linear = np.where(part <= 0.03928, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


TRACES: dict[str, Callable[[Axes, Trace, str, str, Sequence[Trace]], None]] = {
    "scatter": scatter,
    "bar": bar,
    "heatmap": heatmap,
}
"""Type of a trace -> what draws it: axes, trace, colour of the paper, colour of the ink, all traces of the figure."""
