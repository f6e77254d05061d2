"""The network is asked again with bright and dark swapped."""

import numpy as np
import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions import Intervention
from heldout.records import ReasonKind
from heldout.records.logit_table import variant_rows


class Inverted(Intervention):
    """Validation and test images with inverted grey values: variant `inverted`."""

    name = "inverted"
    title = "inverted grey values"

    def why_not(self, context):
        """It needs both parts."""
        if context.ids("val") and context.ids("test"):
            return None
        return Absence(ReasonKind.PARTS_MISSING, "there are no validation or no test images")

    def run(self, context):
        """Invert, score."""
        tables = []
        for part in ("val", "test"):
            rows = context.sample(part)
            logits = context.score(255 - np.asarray(context.pixels(part)[rows]), self.title)
            tables.append(variant_rows([context.ids(part)[row] for row in rows], part, self.name, logits))
        return pd.concat(tables, ignore_index=True)


INTERVENTION = Inverted()
