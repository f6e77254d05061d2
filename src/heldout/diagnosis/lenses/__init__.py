"""What the ranking term is made of, one lens a file; two lenses are never added to each other."""

from heldout.diagnosis.lenses.lens import LensView
from heldout.registry import Shelf

lenses: Shelf[LensView] = Shelf("heldout.diagnosis.lenses", attribute="LENS", noun="lens", group="heldout.lenses")

__all__ = ["LensView", "lenses"]
