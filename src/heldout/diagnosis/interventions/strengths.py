"""Validation logits at every strength that a linear probe was chosen among: what choosing on validation is worth."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import joined, rows_of
from heldout.diagnosis.interventions.context import InterventionContext
from heldout.diagnosis.interventions.intervention import Intervention
from heldout.diagnosis.interventions.needs import Need
from heldout.records import ReasonKind
from heldout.training.logistic import solve_path


class Strengths(Intervention):
    """For runs of the strategy `probe`: the head at each value of C that it tried, scored on validation.

    Variants `C=<value>`. The run reported the best of them on these very images; the selection term asks what the one
    that is best on half of the patients scores on the other half.
    """

    name: ClassVar[str] = "strengths"
    title: ClassVar[str] = "strengths of the probe"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.IMAGES, Need.TRAINING})

    def settings(self, context: InterventionContext) -> dict[str, int]:
        """None: each has a single optimum."""
        return {}

    def why_not(self, context: InterventionContext) -> Absence | None:
        """Other strategies choose no strength."""
        if "strength" not in context.run.record.learning.chosen:
            text = f"the strategy {context.recipe.strategy} chooses no strength of regularisation on validation"
            return Absence(ReasonKind.DOES_NOT_APPLY, text)
        return None if context.ids("val") else Absence(ReasonKind.PARTS_MISSING, "there are no validation images")

    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Solve at each strength."""
        train = np.asarray(context.features("train"), dtype=np.float32)
        val = np.asarray(context.features("val"))
        heads = solve_path(train, context.labels("train"), context.k, context.strengths)
        tables = [
            rows_of(context, "val", f"C={head.strength:g}", val @ head.weight.T + head.bias)  # (m, k)
            for head in heads
        ]
        return joined(tables, context.k)


INTERVENTION = Strengths()
