"""Gradual unfreezing: the head first, then block after block from the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from heldout.strategies._trained import Kept
from heldout.strategies.strategy import Phase


@dataclass(frozen=True)
class Gradual(Kept):
    """Train the head, then the last block with it, then the last two, …, and at the end the whole network.

    What it does: each stretch lasts `each` epochs, and what is left of the epochs goes to the whole network. Within a
    stretch the learning rate falls from block to block toward the input, by 2.6 as in ULMFiT, and along a cosine.
    What is still frozen is cached, so that the early stretches are cheap.

    When to try it: few images and a strong pretrained network, when plain `finetune` is unstable from seed to seed.

    Sources: Howard & Ruder, Universal Language Model Fine-tuning for Text Classification, ACL 2018 (gradual unfreezing,
    discriminative learning rates).

    Attributes:
        steps: Stretches before the whole network learns: 1 is the head alone, 2 adds the last block, and so on. Fewer
            where there are too few epochs.
        each: Epochs a stretch.
        layer_decay: The learning rate of a block is that of the block behind it times this.
    """

    name: ClassVar[str] = "gradual"
    title: ClassVar[str] = "unfreeze block after block"

    steps: int = 3
    each: int = 2
    layer_decay: float = 1 / 2.6

    def phases(self) -> tuple[Phase, ...]:
        """The head, then more and more blocks, then everything."""
        if self.steps < 1 or self.each < 1:
            raise ValueError(f"steps and each are at least 1, found {self.steps} and {self.each}")
        steps = min(self.steps, (self.epochs - 1) // self.each)
        parts = [
            replace(self.phase(f"last {n} blocks", "last", self.each), blocks=n, layer_decay=self.layer_decay)
            for n in range(1, steps)
        ]
        head = [self.phase("head", "head", self.each)] if steps else []
        rest = self.phase("whole network", "all", self.epochs - steps * self.each)
        return (*head, *parts, replace(rest, layer_decay=self.layer_decay))


STRATEGY = Gradual
