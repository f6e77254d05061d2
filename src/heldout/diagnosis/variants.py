"""What an experiment left behind: logits of images under named variants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from heldout.records.logit_table import logits_in
from heldout.records.predictions import Predictions
from heldout.stats.scores import Reals


@dataclass(frozen=True)
class VariantLogits:
    """Logits of images under variants of an experiment.

    Attributes:
        table: Columns `id`, `split` (train, val or test), `variant`, `logit_0` … `logit_<k−1>`; an image stands at most
            once in a variant and split.
        own: Like the table: what the run itself answers on the same images, where that is not what it answers on all;
            only for patients as units of whom some images were scored (`patients.by_unit`). None where there are none.
        looks: How many looks at them there may be, at samples that grow (`diagnosis.looks`).
    """

    table: pd.DataFrame
    own: pd.DataFrame | None = None
    looks: int = 1

    @cached_property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants in the order in which they were scored."""
        return tuple(dict.fromkeys(self.table["variant"]))

    def values(self, name: str) -> dict[str, float]:
        """Variants that are named after a setting, `alpha=0.25`, with its value; in the order of the table."""
        named = [variant for variant in self.variants if variant.startswith(f"{name}=")]
        return {variant: float(variant.removeprefix(f"{name}=")) for variant in named}

    def has(self, variant: str, split: str) -> bool:
        """Whether any image of that part was scored under that variant."""
        return bool(((self.table["variant"] == variant) & (self.table["split"] == split)).any())

    def ids(self, variant: str, split: str) -> tuple[str, ...]:
        """Images scored under a variant, in the order of the table."""
        chosen = (self.table["variant"] == variant) & (self.table["split"] == split)
        return tuple(self.table.loc[chosen, "id"])

    def logits(self, variant: str, split: str, ids: tuple[str, ...]) -> Reals:
        """Logits (len(ids), k) of these images; a row of NaN for an image that was not scored."""
        return _of(self.table, variant, split, ids)

    def before(self, variant: str, split: str, images: Predictions) -> Predictions:
        """The run's own answers on what was scored: the images as they are, or decided on the same ones (`own`)."""
        if self.own is None:
            return images
        own = _of(self.own, variant, split, images.ids)
        return images.with_logits(np.where(np.isfinite(own), own, images.logits))


def _of(table: pd.DataFrame, variant: str, split: str, ids: tuple[str, ...]) -> Reals:
    chosen = table[(table["variant"] == variant) & (table["split"] == split)]
    return logits_in(chosen.set_index("id").reindex(list(ids)))
