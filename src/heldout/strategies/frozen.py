"""Fixed features: the backbone stays as it is, a new linear head learns by epochs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from heldout.strategies._trained import Kept
from heldout.strategies.strategy import Phase


@dataclass(frozen=True)
class Frozen(Kept):
    """Use the pretrained network as a fixed feature extractor and train only a new linear head on it.

    What it does: no parameter and no buffer of the backbone moves (hashed before and after), so its features are
    computed once and cached; an epoch then costs milliseconds. The head learns by mini-batches, so there are curves.

    When to try it: always, as the baseline that every other strategy has to beat; with few images; when the test
    images come from another place than the training images.

    `bn=train` reproduces what a notebook does that freezes parameters but leaves the network in training mode: the
    BatchNorm statistics drift with the batches, so the "fixed" features move, nothing can be cached, and the run's
    record says that it was not verified as frozen.

    Sources: Razavian et al., CNN Features off-the-shelf, CVPR workshops 2014; Kumar et al. 2022 (see `finetune`).

    Attributes:
        lr: Learning rate at the start.
        weight_decay: Decoupled weight decay.
        bn: Mode of the BatchNorm layers of the backbone.
    """

    name: ClassVar[str] = "frozen"
    title: ClassVar[str] = "fixed features, new linear head"

    lr: float = 1e-3
    weight_decay: float = 0.0
    bn: Literal["eval", "train"] = "eval"

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which the head learns."""
        return (replace(self.phase("frozen", "head"), bn=self.bn),)


STRATEGY = Frozen
