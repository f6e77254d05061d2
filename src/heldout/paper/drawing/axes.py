"""Axes of plotly.js on axes of matplotlib: ranges, ticks, titles, grids, shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from heldout.paper.drawing.marks import UndrawnError, stroke
from heldout.paper.drawing.text import SIZE, wrapped

LABELS = 0.42
"""Share of the width that names of rows may take."""

SLANTED = 0.26
"""Share of the width that slanted names beneath an axis may take."""

KNOWN = {"xaxis", "yaxis", "shapes", "hovermode", "bargap", "barmode", "showlegend", "bargroupgap"}
"""Parts of a layout that are drawn, or mean nothing on paper."""

MINUS = "−"


def check(layout: Mapping[str, Any]) -> None:
    """See that nothing in a layout would be left out without a word.

    Raises:
        UndrawnError: There are parts that the renderer does not know.
    """
    unknown = sorted(set(layout) - KNOWN)
    if unknown:
        raise UndrawnError(f"found a layout with {', '.join(unknown)}, expected none but {', '.join(sorted(KNOWN))}")


def with_categories(spec: dict[str, Any]) -> dict[str, Any]:
    """The same figure with names along an axis (`x: ["a", "b"]`) as numbered places with these names as ticks."""
    layout, traces = dict(spec["layout"]), list(spec["data"])
    for which in ("x", "y"):
        names = dict.fromkeys(value for t in traces for value in t.get(which, ()) if isinstance(value, str))
        if not names:
            continue
        place = {name: number for number, name in enumerate(names)}
        traces = [{**t, which: [place.get(value, value) for value in t.get(which, ())]} for t in traces]
        ticks = {"tickvals": list(place.values()), "ticktext": list(place), "showgrid": False}
        layout[f"{which}axis"] = {**ticks, **layout.get(f"{which}axis", {})}
    return {**spec, "layout": layout, "data": traces}


def minus(value: float, _place: int | None = None) -> str:
    """A number at a tick, with a true minus."""
    return f"{round(value, 10):g}".replace("-", MINUS)


def named_rows(spec: Mapping[str, Any]) -> bool:
    """Whether the vertical axis is a list of named rows, rather than a scale with marks of its own."""
    axis = spec["layout"].get("yaxis", {})
    return "ticktext" in axis and axis.get("showgrid") is False and axis.get("type", "linear") == "linear"


def row_lines(spec: Mapping[str, Any], width: float) -> list[str]:
    """Names of the rows as they are written at a figure `width` points wide; empty of an axis of numbers."""
    axis = spec["layout"].get("yaxis", {})
    names = axis.get("ticktext")
    if names is None:
        return []
    narrow = spec.get("narrow", {}).get("ticktext")
    if narrow and width < 340:  # points, between one column and two
        names = narrow
    return ["\n".join(wrapped(name, LABELS * width)) for name in names]


def set_axis(axes: Axes, which: str, axis: Mapping[str, Any], names: Sequence[str], width: float) -> None:
    """One axis: its scale, its range, its ticks, its grid."""
    own: Axis = getattr(axes, f"{which}axis")
    kind = axis.get("type", "linear")
    if kind not in ("linear", "log", "-"):
        raise UndrawnError(f"found an axis of type '{kind}', expected linear or log")
    if kind == "log":
        getattr(axes, f"set_{which}scale")("log")
    span(axes, which, axis, kind == "log")
    if "tickvals" in axis:
        labels = list(names) or ["\n".join(wrapped(text, SLANTED * width)) for text in axis["ticktext"]]
        ends = getattr(axes, f"get_{which}lim")()
        own.set_ticks(axis["tickvals"], labels=labels, parse_math=False)
        getattr(axes, f"set_{which}lim")(ends)  # ticks beyond the data would widen the axis to themselves
        own.set_minor_locator(NullLocator())
    elif kind != "log":
        most = int(axis.get("nticks") or 9)
        few = most if width > 340 else min(most, 6)
        own.set_major_locator(MaxNLocator(few, steps=[1, 2, 5, 10]))
        own.set_major_formatter(FuncFormatter(minus))
    angle = axis.get("tickangle") or 0
    if angle:
        for label in own.get_ticklabels():
            label.set(rotation=-angle, ha="right", va="top", rotation_mode="anchor")


def span(axes: Axes, which: str, axis: Mapping[str, Any], log: bool) -> None:
    """Where an axis begins and ends."""
    set_limits = getattr(axes, f"set_{which}lim")
    if "range" in axis:
        low, high = (10**end if log else end for end in axis["range"])
        set_limits(low, high)
        return
    low, high = sorted(getattr(axes, f"get_{which}lim")())
    if axis.get("rangemode") == "tozero" and not log:
        low, high = min(low, 0.0) if low < 0 else 0.0, high
        set_limits(low, high)
    if axis.get("autorange") == "reversed":
        set_limits(high, low)


def grid(axes: Axes, layout: Mapping[str, Any], colours: Mapping[str, str], fields: bool) -> None:
    """Thin lines behind the data, a line at zero where one is asked for, and a frame of two sides."""
    for which in ("x", "y"):
        axis = layout.get(f"{which}axis", {})
        rows = axis.get("showgrid") is False
        if not rows:
            axes.grid(True, axis=which, which="major", color=colours["grid"], linewidth=0.5, zorder=0)
        if axis.get("zeroline") is True:
            line = axes.axvline if which == "x" else axes.axhline
            line(0, color=colours["muted"], linewidth=0.6, zorder=1)
        if rows:
            axes.tick_params(axis=which, length=0, pad=4)
    axes.set_axisbelow(True)
    for side in ("top", "right", *(("left", "bottom") if fields else ())):
        axes.spines[side].set_visible(False)
    if layout.get("yaxis", {}).get("showgrid") is False:
        axes.spines["left"].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set(linewidth=0.6, color=colours["ink"])
    axes.tick_params(width=0.6, color=colours["ink"], labelcolor=colours["ink"], labelsize=SIZE)


def titles(axes: Axes, layout: Mapping[str, Any], width: float, height: float, rows: bool) -> None:
    """What the axes mean."""
    for which, most in (("x", (1 - LABELS if rows else 0.8) * width), ("y", 0.75 * height)):
        text = layout.get(f"{which}axis", {}).get("title", {}).get("text", "")
        if text:
            getattr(axes, f"set_{which}label")(
                "\n".join(wrapped(text, most)), parse_math=False, size=SIZE, multialignment="center"
            )


def shapes(axes: Axes, layout: Mapping[str, Any], ink: str) -> None:
    """Lines between two points, each in data or along the whole axis.

    Raises:
        UndrawnError: A shape is no line.
    """
    for shape in layout.get("shapes", ()):
        if shape.get("type") != "line":
            raise UndrawnError(f"found a shape '{shape.get('type')}', expected line")
        x, y = ([shape[f"{which}0"], shape[f"{which}1"]] for which in ("x", "y"))
        along = {which: shape.get(f"{which}ref") == "paper" for which in ("x", "y")}
        if all(along.values()):
            transform = axes.transAxes
        elif along["y"]:
            transform = axes.get_xaxis_transform()
        elif along["x"]:
            transform = axes.get_yaxis_transform()
        else:
            transform = axes.transData
        behind = shape.get("layer") == "below"
        axes.plot(
            x,
            y,
            transform=transform,
            zorder=1.5 if behind else 4,
            scalex=False,
            scaley=False,
            **stroke(shape.get("line", {}), ink),
        )
