"""Experiments: what a cause needs the network for. They write logits beside the run; the causes only judge."""

from heldout.experiments._experiment import Bench, Experiment
from heldout.registry import Shelf

experiments: Shelf[Experiment] = Shelf("heldout.experiments", attribute="EXPERIMENT", noun="experiment")

__all__ = ["Bench", "Experiment", "experiments"]
