"""How pretrained weights meet new labels: one strategy a file, a plan in plain data that needs no torch."""

from heldout.registry import Shelf
from heldout.strategies._strategy import BEGINNING, Phase, Range, Strategy
from heldout.strategies._trained import Kept, Trained

strategies: Shelf[type[Strategy]] = Shelf("heldout.strategies", attribute="STRATEGY", noun="strategy")

__all__ = ["BEGINNING", "Kept", "Phase", "Range", "Strategy", "Trained", "strategies"]
