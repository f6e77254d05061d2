"""From scratch: the same architecture without pretraining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.strategies._trained import Kept
from heldout.strategies.strategy import Phase


@dataclass(frozen=True)
class Scratch(Kept):
    """Train the whole network from random weights.

    What it does: the architecture's own random initialisation, by the seed of the run; no weights are read or fetched.
    Otherwise as `finetune`, at a higher rate.

    When to try it: to learn whether pretraining helps at all on your images. With as few epochs as fine-tuning needs it
    is at a disadvantage: give it several times more before you conclude.

    Sources: He, Girshick & Dollár, Rethinking ImageNet Pre-training, ICCV 2019; Raghu et al., Transfusion:
    Understanding Transfer Learning for Medical Imaging, NeurIPS 2019.

    Attributes:
        lr: Learning rate at the start.
        warmup: Share of the steps in which the learning rate rises in a straight line from zero; random weights bear no
            large steps at first.
    """

    name: ClassVar[str] = "scratch"
    title: ClassVar[str] = "random initialisation"
    pretrained: ClassVar[bool] = False

    lr: float = 1e-3
    warmup: float = 0.05

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which everything learns."""
        return (self.phase("scratch", "all"),)


STRATEGY = Scratch
