"""Features of the pretrained network for every image: what distances and shifts are measured in."""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd

from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import joined
from heldout.diagnosis.interventions.context import InterventionContext
from heldout.diagnosis.interventions.intervention import Intervention
from heldout.diagnosis.interventions.needs import Need
from heldout.records import PARTS


class Features(Intervention):
    """Pooled features of the pretrained network for train, validation and test.

    They are those of before training, so that what is measured in them is a property of the images and not of what a
    run made of them. They go through the study's cache: computed once a backbone, shared by runs.

    No logits: `features.json` holds part -> file relative to the study's folder ((n, d) float32, rows in the order of
    the split) and `dimension` d.
    """

    name: ClassVar[str] = "features"
    title: ClassVar[str] = "pretrained features"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.IMAGES})

    def settings(self, context: InterventionContext) -> dict[str, int]:
        """None: they depend on the backbone and the images alone."""
        return {}

    def why_not(self, context: InterventionContext) -> Absence | None:
        """It always can."""
        return None

    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Make sure that they are there."""
        for part in PARTS:
            if context.ids(part):
                context.features(part)
        return joined([], context.k)

    def about(self, context: InterventionContext, table: pd.DataFrame) -> dict[str, Any]:
        """Part -> file, and their dimension."""
        files = {part: context.feature_file(part).as_posix() for part in PARTS if context.ids(part)}
        first = next(part for part in PARTS if context.ids(part))
        return {**files, "dimension": int(context.features(first).shape[1])}


INTERVENTION = Features()
