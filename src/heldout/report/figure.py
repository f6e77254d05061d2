"""What a figure plug-in is.

A figure is plain data for plotly.js: traces and layout. Colours are roles that the page fills in for light and dark:
`@run0` … `@run7`, `@ink`, `@muted`, `@grey`, `@grid`, `@accent`, `@paper`, `@low`, `@high`.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from heldout.answer.names import RunName
from heldout.answer.texts import shortened
from heldout.report.blocks import Chart
from heldout.report.material import Material

FIRST_SCREEN = "first"
"""What a figure names as its section to stand on the first screen, beneath the answer."""

CLICK = " A click on a name in the legend hides that run."
"""What a caption says of the page alone, and means nothing on paper."""

Trace = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """A figure of the report, bound to `FIGURE` in a file of its own.

    Attributes:
        name: Name on the shelf, anchor on the page and name of the saved files.
        title: Heading above it.
        section: Name of the section it stands in, or `FIRST_SCREEN`; an unknown one puts it at the end.
        order: Place among the figures of its section.
        draw: The charts; none if the study has nothing to draw.
        labels: Of studies of which labels it speaks: one class an image (`single`), several labels (`several`).
        each_run: Whether it is of one diagnosis (`material.featured`), and so is drawn of every run that has a gap.
    """

    name: str
    title: str
    section: str
    order: int
    draw: Callable[[Material], Sequence[Chart]]
    labels: tuple[str, ...] = ("single", "several")
    each_run: bool = False


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


def label(name: RunName) -> str:
    """A run's label for plotly.js."""
    return plotly_text(shortened(name.label, 48))


def broken_label(name: RunName) -> str:
    """A run's label on two lines, for the ticks of a narrow axis."""
    return "<br>".join(plotly_text(shortened(line, 24)) for line in name.lines)


def plotly_text(text: str) -> str:
    """Text for plotly.js, which reads a few HTML tags and `%{…}` in labels: shown as it is, never as markup."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")


def finite(value: float) -> float | None:
    """None in place of what JSON cannot hold."""
    return float(value) if math.isfinite(value) else None
