"""A linear probe on the pretrained features: what the run would have scored with fixed features, at their optimum."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd

from heldout.experiments._bench import Bench
from heldout.experiments._experiment import Experiment
from heldout.experiments._scores import joined, rows_of
from heldout.records import PARTS


class ProbeLogits(Experiment):
    """Logistic regression on pretrained features, fitted on train, C with the least validation log loss.

    Variant `probe` on train, validation and test. Against a fine-tuned run it is the other arm of the difference in
    differences: (fine-tuned val − test) − (probe val − test) on the same images.
    """

    name: ClassVar[str] = "probe"
    title: ClassVar[str] = "linear probe"

    def settings(self, bench: Bench) -> dict[str, int]:
        """None: it has a single optimum."""
        return {}

    def why_not(self, bench: Bench) -> str | None:
        """It needs validation images to choose C on."""
        return None if bench.ids("val") else "there are no validation images to choose its regularisation on"

    def run(self, bench: Bench) -> pd.DataFrame:
        """Fit and score."""
        head = bench.probe
        tables = []
        for part in PARTS:
            if bench.ids(part):
                logits = np.asarray(bench.features(part)) @ head.weight.T + head.bias  # (n, k)
                tables.append(rows_of(bench, part, "probe", logits))
        return joined(tables, bench.k)

    def about(self, bench: Bench, table: pd.DataFrame) -> dict[str, Any]:
        """The C that was chosen."""
        return {"strength": bench.probe.strength, "converged": bench.probe.converged}


EXPERIMENT = ProbeLogits()
