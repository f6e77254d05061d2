"""How pretrained weights meet new labels: one strategy a file, a plan in plain data that needs no torch."""

from heldout.registry import Shelf
from heldout.strategies._trained import Kept, Trained
from heldout.strategies.strategy import BEGINNING, Phase, Range, Strategy

strategies: Shelf[type[Strategy]] = Shelf("heldout.strategies", attribute="STRATEGY", noun="strategy")

__all__ = ["BEGINNING", "Kept", "Phase", "Range", "Strategy", "Trained", "strategies"]
