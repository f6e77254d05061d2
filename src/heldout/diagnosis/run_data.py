"""One run's evidence: everything a cause may judge from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.diagnosis.variants import VariantLogits
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import REPLICATES
from heldout.stats.joint import JointBootstrap

SWITCHED_OFF = "the experiments were switched off"
NOT_RUN = "this experiment was not run"


SEARCHED = "the settings"
"""`RunData.chosen` after a search for settings (`heldout run --tune`)."""


@dataclass(frozen=True)
class RunData:
    """Arrays and tables of one run; made by `read_run_data` from a study's folder, or by hand.

    Attributes:
        run: Id of the run.
        model: Full name of its backbone.
        strategy: Name of its strategy.
        seed: Its seed.
        classes: Class names in the order of their indices.
        train: Training images, re-scored in eval mode; None where not known.
        val: Validation images as reported; None without any.
        test: Test images; None without any.
        keeps: How the scored weights were chosen: `last` epoch, or `best` on validation.
        history: One row an epoch, as in `history.csv`; may be empty.
        val_epochs: (e, n_V) class predicted for each validation image after each epoch; None where not kept.
        choices: Validation logits of everything that was chosen among on validation, a variant each; None if not kept.
        chosen: What the choice was of, in words that go before "one of 5".
        quality: Property of every image (`images.quality`), index = id; None where not measured.
        features: Part -> (n, d) features of the pretrained network, in the order of that part's ids.
        scored: Experiment -> its logits.
        absent: Experiment -> why it has no result, in words that follow "because".
        leaked: Validation id -> why it is not independent of train (shared patient, copy).
        crossing: Test id -> the same for test against train and validation.
        grouped: Whether the validation draw kept patients together by construction.
        review: Reviewed test images: columns `id`, `label` (name of the class it truly is), `probability` with which it
            was chosen for review; None where nobody has reviewed.
        places: Id -> file it came from, for messages.
        sites: Id -> site, empty where not known.
        siblings: Evidence of other runs on the same split, without siblings of their own.
        notes: Notes of cohort and run.
        bootstrap: Replicates B.
        bootstrap_seed: Their seed.
    """

    run: str
    model: str
    strategy: str
    seed: int
    classes: tuple[str, ...]
    train: Predictions | None
    val: Predictions | None
    test: Predictions | None
    keeps: Literal["last", "best"] = "last"
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    val_epochs: NDArray[np.int64] | None = None
    choices: VariantLogits | None = None
    chosen: str = ""
    quality: pd.DataFrame | None = None
    features: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    scored: Mapping[str, VariantLogits] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    leaked: Mapping[str, str] = field(default_factory=dict)
    crossing: Mapping[str, str] = field(default_factory=dict)
    grouped: bool = False
    review: pd.DataFrame | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    siblings: tuple[RunData, ...] = ()
    notes: tuple[str, ...] = ()
    bootstrap: int = REPLICATES
    bootstrap_seed: int = 0

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def side(self, part: str) -> Predictions | None:
        """`train`, `val` or `test`."""
        return {"train": self.train, "val": self.val, "test": self.test}[part]

    @cached_property
    def draws(self) -> JointBootstrap:
        """The joint bootstrap of validation and test; both must be there."""
        assert self.val is not None and self.test is not None
        return JointBootstrap.of(self.val, self.test, self.bootstrap, self.bootstrap_seed)

    def why_absent(self, experiment: str) -> str:
        """Why an experiment has no result: its own reason, or that it, or all of them, were not run."""
        others = bool(self.scored or self.absent)
        return self.absent.get(experiment, NOT_RUN if others else SWITCHED_OFF)

    def quality_of(self, part: str) -> pd.DataFrame | None:
        """Properties of a part's images in the order of its ids."""
        side = self.side(part)
        if self.quality is None or side is None:
            return None
        return self.quality.reindex(list(side.ids))
