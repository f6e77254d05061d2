"""Named worlds: one file each, bound to `WORLD`."""

from heldout.phantoms.world import World
from heldout.registry import Shelf

worlds: Shelf[World] = Shelf("heldout.phantoms.worlds", attribute="WORLD", noun="phantom world")

__all__ = ["worlds"]
