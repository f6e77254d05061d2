"""How pretrained weights meet new labels: one strategy a file, a plan in plain data that needs no torch."""

from heldout.registry import Shelf
from heldout.strategies._strategy import Phase, Strategy

strategies: Shelf[type[Strategy]] = Shelf("heldout.strategies", attribute="STRATEGY", noun="strategy")

__all__ = ["Phase", "Strategy", "strategies"]
