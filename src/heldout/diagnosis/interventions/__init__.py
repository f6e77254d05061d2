"""Experiments: what a cause needs the network for. They write logits beside the run; the causes only judge."""

from heldout.diagnosis.interventions._run import in_order, missing, run_interventions, score_more, scored_so_far
from heldout.diagnosis.interventions._shelf import interventions
from heldout.diagnosis.interventions.context import InterventionContext
from heldout.diagnosis.interventions.intervention import Change, Intervention

__all__ = [
    "Change",
    "Intervention",
    "InterventionContext",
    "in_order",
    "interventions",
    "missing",
    "run_interventions",
    "score_more",
    "scored_so_far",
]
