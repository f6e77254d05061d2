"""How images of another site may differ: one change a file, its size measured between real sites (`sites.csv`)."""

from heldout.stresses._shelf import stresses
from heldout.stresses.stress import Ground, PropertyStress, SharesStress, Stress

__all__ = ["Ground", "PropertyStress", "SharesStress", "Stress", "stresses"]
