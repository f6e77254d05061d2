"""What an experiment left behind: logits of images under named variants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from heldout.records.logit_table import logits_in
from heldout.stats.scores import Reals


@dataclass(frozen=True)
class VariantLogits:
    """Logits of images under variants of an experiment.

    Attributes:
        table: Columns `id`, `split` (train, val or test), `variant`, `logit_0` … `logit_<k−1>`; an image stands at most
            once in a variant and split.
    """

    table: pd.DataFrame

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
        chosen = self.table[(self.table["variant"] == variant) & (self.table["split"] == split)]
        return logits_in(chosen.set_index("id").reindex(list(ids)))
