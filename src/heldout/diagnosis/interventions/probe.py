"""A linear probe on the pretrained features: what the run would have scored with fixed features, at their optimum."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import joined, rows_of
from heldout.diagnosis.interventions.context import InterventionContext
from heldout.diagnosis.interventions.intervention import Intervention
from heldout.diagnosis.interventions.needs import Need
from heldout.records import PARTS, ReasonKind


class ProbeLogits(Intervention):
    """Logistic regression on pretrained features, fitted on train, C with the least validation log loss.

    Variant `probe` on train, validation and test. Against a fine-tuned run it is the other arm of the difference in
    differences: (fine-tuned val − test) − (probe val − test) on the same images.
    """

    name: ClassVar[str] = "probe"
    title: ClassVar[str] = "linear probe"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.IMAGES, Need.TRAINING_IMAGES})

    def settings(self, context: InterventionContext) -> dict[str, int]:
        """None: it has a single optimum."""
        return {}

    def why_not(self, context: InterventionContext) -> Absence | None:
        """It needs validation images to choose C on."""
        if context.ids("val"):
            return None
        return Absence(ReasonKind.PARTS_MISSING, "there are no validation images to choose its regularisation on")

    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Fit and score."""
        head = context.probe
        tables = []
        for part in PARTS:
            if context.ids(part):
                logits = np.asarray(context.features(part)) @ head.weight.T + head.bias  # (n, k)
                tables.append(rows_of(context, part, "probe", logits))
        return joined(tables, context.k)

    def about(self, context: InterventionContext, table: pd.DataFrame) -> dict[str, Any]:
        """The C that was chosen."""
        return {"strength": context.probe.strength, "converged": context.probe.converged}


INTERVENTION = ProbeLogits()
