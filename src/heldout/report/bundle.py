"""The library that draws the figures: plotly.js, its partial bundle for flat axes (`plotly/`)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "plotly"

SCRIPT = FOLDER / "plotly-cartesian.min.js"
"""npm's `plotly.js-cartesian-dist-min`, unchanged."""

TRACES = (
    "bar",
    "box",
    "contour",
    "heatmap",
    "histogram",
    "histogram2d",
    "histogram2dcontour",
    "image",
    "pie",
    "scatter",
    "scatterternary",
    "violin",
)
"""Kinds of traces it draws (tests/report/test_bundle.py asks the bundle itself in a browser)."""


@cache
def plotly_js() -> str:
    """The text of the bundle."""
    return SCRIPT.read_text(encoding="utf-8")
