"""The shelf of experiments: one a file of this package."""

from __future__ import annotations

from heldout.experiments._experiment import Experiment
from heldout.registry import Shelf

experiments: Shelf[Experiment] = Shelf("heldout.experiments", attribute="EXPERIMENT", noun="experiment")
