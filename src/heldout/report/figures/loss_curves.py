"""Loss over the epochs."""

from __future__ import annotations

from heldout.report.blocks import Chart
from heldout.report.figure import Figure
from heldout.report.figures._curves import MEAN, draw_curves
from heldout.report.material import Material

TICKS = [tick * 10.0**power for power in range(-5, 2) for tick in (1, 2, 5)]
"""Round losses, named in full: the default names only the powers of ten."""


def draw(material: Material) -> list[Chart]:
    """Cross-entropy of every run in nats, on a logarithmic axis: losses differ by factors."""
    return draw_curves(
        material,
        FIGURE,
        "loss",
        1,
        "overfit",
        {
            "title": {"text": "loss, nats (log scale)"},
            "type": "log",
            "tickvals": TICKS,
            "ticktext": [f"{tick:g}" for tick in TICKS],
        },
        "Solid: validation. Dotted: training. A training loss that goes on falling while the validation loss rises is "
        "overfitting; a ring marks the epoch from which it does." + (f" {MEAN}" if material.split.folds else ""),
    )


FIGURE = Figure("loss-curves", "Loss while learning", "curves", 1, draw)
