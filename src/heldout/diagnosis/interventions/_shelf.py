"""The shelf of experiments: one a file of this package."""

from __future__ import annotations

from heldout.diagnosis.interventions.intervention import Intervention
from heldout.registry import Shelf

interventions: Shelf[Intervention] = Shelf(
    "heldout.diagnosis.interventions", group="heldout.interventions", attribute="INTERVENTION", noun="intervention"
)
