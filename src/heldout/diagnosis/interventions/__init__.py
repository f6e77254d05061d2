"""Experiments: what a cause needs the network for. They write logits beside the run; the causes only judge."""

from heldout.diagnosis.interventions._run import run_interventions
from heldout.diagnosis.interventions._shelf import interventions
from heldout.diagnosis.interventions.context import InterventionContext
from heldout.diagnosis.interventions.intervention import Intervention

__all__ = ["Intervention", "InterventionContext", "interventions", "run_interventions"]
