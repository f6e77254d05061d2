"""Experiments: what a cause needs the network for. They write logits beside the run; the causes only judge."""

from heldout.experiments._bench import Bench
from heldout.experiments._experiment import Experiment
from heldout.experiments._run import run_experiments
from heldout.experiments._shelf import experiments

__all__ = ["Bench", "Experiment", "experiments", "run_experiments"]
