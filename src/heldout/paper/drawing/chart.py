"""A chart of the report as one figure of a width in millimetres."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, cast

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from heldout._version import __version__
from heldout.paper.drawing import legend
from heldout.paper.drawing.axes import check, grid, named_rows, row_lines, set_axis, shapes, titles, with_categories
from heldout.paper.drawing.marks import PT, UndrawnError
from heldout.paper.drawing.palette import coloured, light
from heldout.paper.drawing.text import LINE, SIZE, families, lines, quiet, tallest
from heldout.paper.drawing.traces import TRACES
from heldout.report.blocks import Chart

MM = 72 / 25.4
"""Points a millimetre."""

OVERHEAD = 40.0
"""Points of height for the axis beneath the rows and its title."""

EDGE = 2.0
"""Points that stay free around everything."""

LOWEST = 110.0
"""Points below which a figure with two axes of numbers is no more to be read."""


@contextmanager
def style() -> Iterator[None]:
    """Our settings of matplotlib, and nobody else's while we draw."""
    settings = {
        "font.family": families(),
        "font.size": SIZE,
        "pdf.fonttype": 42,
        "svg.fonttype": "path",
        "svg.hashsalt": "heldout",
        "axes.unicode_minus": True,
        "text.usetex": False,
        "text.parse_math": False,
        "text.color": light()["ink"],
        "axes.labelcolor": light()["ink"],
        "path.simplify": False,
        "figure.constrained_layout.h_pad": EDGE / 72,
        "figure.constrained_layout.w_pad": EDGE / 72,
    }
    with quiet(), matplotlib.rc_context(matplotlib.rcParamsDefault):
        cast(Any, matplotlib.rcParams).update(settings)
        yield


def draw_chart(chart: Chart, width_mm: float) -> Figure:
    """The figure of a chart.

    Args:
        chart: Traces and layout as plotly.js takes them.
        width_mm: Width in millimetres; the height follows from what is drawn.

    Raises:
        UndrawnError: It asks for something that is not drawn here; the text names the figure.
    """
    try:
        spec = with_categories(coloured(chart.spec))
        check(spec["layout"])
        with style():
            return _drawn(spec, width_mm * MM)
    except UndrawnError as error:
        raise UndrawnError(
            f"The figure '{chart.id}' cannot be drawn for a paper: {error}. Save it from the report as SVG, or draw it "
            "with what is known."
        ) from error


def _drawn(spec: Mapping[str, Any], width: float) -> Figure:
    colours, layout, traces = light(), spec["layout"], spec["data"]
    names = row_lines(spec, width)
    found = legend.entries(spec, colours["paper"], colours["ink"])
    tall = height_of(spec, names, width)
    extra = legend.height([name for _, name in found], width)
    figure = Figure(figsize=(width / 72, (tall + extra) / 72), layout="constrained", facecolor="none")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    told = [{**trace, "_layout": layout} for trace in traces]
    for trace in told:
        if trace["type"] not in TRACES:
            raise UndrawnError(f"found a trace of type '{trace['type']}', expected one of {', '.join(TRACES)}")
        TRACES[trace["type"]](axes, trace, colours["paper"], colours["ink"], told)
    fields = any(trace["type"] == "heatmap" for trace in traces)
    if fields:
        axes.set_aspect("equal", anchor="C")
    set_axis(axes, "x", layout.get("xaxis", {}), [], width)
    set_axis(axes, "y", layout.get("yaxis", {}), names, width)
    shapes(axes, layout, colours["ink"])
    grid(axes, layout, colours, fields)
    titles(axes, layout, width, tall, named_rows(spec))
    legend.draw(figure, found, width)
    thin_out(figure)
    return figure


def height_of(spec: Mapping[str, Any], names: list[str], width: float) -> float:
    """Points of height without the legend: that of the page made smaller, and room for every line of every row."""
    narrow = width < 340
    told = spec["narrow"].get("height", spec["height"]) if narrow and spec.get("narrow") else spec["height"]
    least = PT * float(told)
    axis = spec["layout"].get("yaxis", {})
    if not named_rows(spec):
        return max(least, LOWEST)
    if len(names) < 2:
        return max(least, OVERHEAD + tallest(names) * SIZE * LINE * 2)
    places = sorted(axis["tickvals"])
    apart = min(b - a for a, b in pairwise(places))
    ends = axis.get("range", [places[0] - 0.6, places[-1] + 0.6])
    rows = float(abs(ends[1] - ends[0]) / apart)
    return max(least, OVERHEAD + rows * (tallest(names) * SIZE * LINE + 2.5))


def thin_out(figure: Figure) -> None:
    """Leave out numbers along the lower axis that would touch their neighbours."""
    axes = figure.axes[0]
    figure.draw_without_rendering()
    labels = [label for label in axes.get_xticklabels() if label.get_text() and not label.get_rotation()]
    step = 1
    while step < len(labels) and touching(labels[::step]):
        step += 1
    if step == 1:
        return
    places = axes.get_xticks()
    texts = [label.get_text() for label in axes.get_xticklabels()]
    middle = len(texts) // 2 % step  # the middle of an uneven number is the one that matters: 50 %, 0
    kept = [text if number % step == middle else "" for number, text in enumerate(texts)]
    ends = axes.get_xlim()
    axes.set_xticks(places, labels=kept, parse_math=False)
    axes.set_xlim(ends)


def touching(labels: list[Text]) -> bool:
    """Whether two neighbours leave less than a letter between them."""
    boxes = [label.get_window_extent() for label in labels]
    gap = SIZE * 0.5
    return any(b.x0 - a.x1 < gap for a, b in pairwise(boxes))


def texts_of(chart: Chart) -> list[str]:
    """Every text that a chart writes, so that missing glyphs can be told."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, str):
            found.extend(lines(value))
        elif isinstance(value, list):
            for item in value:
                walk(item)

    for axis in ("xaxis", "yaxis"):
        own = chart.spec["layout"].get(axis, {})
        walk([own.get("ticktext", []), own.get("title", {}).get("text", "")])
    for trace in chart.spec["data"]:
        walk([trace.get("name") or "", trace.get("text", []) if trace["type"] != "scatter" else []])
    return found


def pdf(figure: Figure, title: str) -> bytes:
    """As PDF, fonts embedded as TrueType, nothing of the hour in it."""
    stream = io.BytesIO()
    about = {"Title": title, "Creator": f"heldout {__version__}", "CreationDate": None}
    with style():
        figure.savefig(stream, format="pdf", metadata=about)
    return stream.getvalue()


def svg(figure: Figure, title: str) -> bytes:
    """As SVG, letters as outlines so that it looks alike everywhere."""
    stream = io.BytesIO()
    with style():
        figure.savefig(
            stream, format="svg", metadata={"Title": title, "Creator": f"heldout {__version__}", "Date": None}
        )
    return stream.getvalue()
