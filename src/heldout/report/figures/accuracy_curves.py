"""Accuracy over the epochs."""

from __future__ import annotations

from heldout.report.blocks import Chart
from heldout.report.figure import Figure
from heldout.report.figures._curves import MEAN, draw_curves
from heldout.report.material import Material


def draw(material: Material) -> list[Chart]:
    """Accuracy of every run in percent."""
    return draw_curves(
        material,
        FIGURE,
        "accuracy",
        100,
        "kept",
        {"title": {"text": "accuracy, %"}},
        "Solid: validation. Dotted: training, as the network was while it learned, averaged over the epoch. "
        + (MEAN if material.split.folds else "Ring: the epoch whose weights were kept."),
    )


FIGURE = Figure("accuracy-curves", "Accuracy while learning", "curves", 0, draw)
