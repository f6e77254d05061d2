"""The figures of the report: one figure a file, found by the shelf and put into the section it names."""

from heldout.registry import Shelf
from heldout.report.figure import Figure

figures: Shelf[Figure] = Shelf("heldout.report.figures", attribute="FIGURE", noun="figure")

__all__ = ["Figure", "figures"]
