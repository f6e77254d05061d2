"""Features of the pretrained network for every image: what distances and shifts are measured in."""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd

from heldout.experiments._bench import Bench
from heldout.experiments._experiment import Experiment
from heldout.experiments._scores import joined
from heldout.records import PARTS


class Features(Experiment):
    """Pooled features of the pretrained network for train, validation and test.

    They are those of before training, so that what is measured in them is a property of the images and not of what a
    run made of them. They go through the study's cache: computed once a backbone, shared by runs.

    No logits: `features.json` holds part -> file relative to the study's folder ((n, d) float32, rows in the order of
    the split) and `dimension` d.
    """

    name: ClassVar[str] = "features"
    title: ClassVar[str] = "pretrained features"

    def settings(self, bench: Bench) -> dict[str, int]:
        """None: they depend on the backbone and the images alone."""
        return {}

    def why_not(self, bench: Bench) -> str | None:
        """It always can."""
        return None

    def run(self, bench: Bench) -> pd.DataFrame:
        """Make sure that they are there."""
        for part in PARTS:
            if bench.ids(part):
                bench.features(part)
        return joined([], bench.k)

    def about(self, bench: Bench, table: pd.DataFrame) -> dict[str, Any]:
        """Part -> file, and their dimension."""
        files = {part: bench.feature_file(part).as_posix() for part in PARTS if bench.ids(part)}
        return {**files, "dimension": int(bench.features("train").shape[1])}


EXPERIMENT = Features()
