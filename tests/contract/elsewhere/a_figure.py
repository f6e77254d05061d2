"""Epochs of every run as bars."""

from heldout.report.blocks import Chart, sheet
from heldout.report.figure import Figure, spec


def draw(material):
    """One bar a run."""
    names = [material.names[row.id].label for row in material.runs]
    epochs = [row.epochs for row in material.runs]
    drawn = spec([{"type": "bar", "x": names, "y": epochs}], {}, 300)
    said = "; ".join(f"{name} {number}" for name, number in zip(names, epochs, strict=True))
    rows = [list(pair) for pair in zip(names, epochs, strict=True)]
    return [Chart("epoch-bars", "Epochs", "One bar a run.", f"Epochs: {said}.", drawn, sheet(["run", "epochs"], rows))]


FIGURE = Figure("epoch-bars", "Epochs", "letters", 0, draw)
