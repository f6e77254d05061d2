"""Validation logits at every strength that a linear probe was chosen among: what choosing on validation is worth."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from heldout.experiments._bench import Bench
from heldout.experiments._experiment import Experiment
from heldout.experiments._scores import joined, rows_of
from heldout.strategies.probe import Probe
from heldout.training.logistic import solve_path


class Strengths(Experiment):
    """For runs of the strategy `probe`: the head at each value of C that it tried, scored on validation.

    Variants `C=<value>`. The run reported the best of them on these very images; the selection term asks what the one
    that is best on half of the patients scores on the other half.
    """

    name: ClassVar[str] = "strengths"
    title: ClassVar[str] = "strengths of the probe"

    def settings(self, bench: Bench) -> dict[str, int]:
        """None: each has a single optimum."""
        return {}

    def why_not(self, bench: Bench) -> str | None:
        """Other strategies choose no strength."""
        if bench.recipe.strategy != Probe.name:
            return f"the strategy {bench.recipe.strategy} chooses no strength of regularisation on validation"
        return None if bench.ids("val") else "there are no validation images"

    def run(self, bench: Bench) -> pd.DataFrame:
        """Solve at each strength."""
        train = np.asarray(bench.features("train"), dtype=np.float32)
        val = np.asarray(bench.features("val"))
        heads = solve_path(train, bench.labels("train"), bench.k, bench.strengths)
        tables = [
            rows_of(bench, "val", f"C={head.strength:g}", val @ head.weight.T + head.bias)  # (m, k)
            for head in heads
        ]
        return joined(tables, bench.k)


EXPERIMENT = Strengths()
