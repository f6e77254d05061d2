"""Last block: the end of the trunk learns, what is before it stays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from heldout.strategies._trained import Kept
from heldout.strategies.strategy import Phase


@dataclass(frozen=True)
class LastBlock(Kept):
    """Train the last block of the trunk and a new linear head; the blocks before stay as they are.

    What it does: parameters and buffers before the last block stand still (hashed before and after), so the maps that
    reach it are computed once and cached, in half precision where that is harmless; an epoch pays for the last block
    only. What a block is, the network's own architecture says (`layer4` of a ResNet, the last layer of a transformer).

    When to try it: where `frozen` is not enough and `finetune` too slow or too hungry for images. The late features are
    those that are most tied to the classes of the pretraining, so that they have most to learn when the classes are
    others (Yosinski et al. 2014); when it is the images that look different, see `first-block`.

    Sources: Yosinski et al., How transferable are features in deep neural networks?, NeurIPS 2014; Lee et al., Surgical
    Fine-Tuning Improves Adaptation to Distribution Shifts, ICLR 2023.

    Attributes:
        blocks: How many blocks learn, counted from the end.
    """

    name: ClassVar[str] = "last-block"
    title: ClassVar[str] = "train the last block and a new head"

    blocks: int = 1

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which the last blocks and the head learn."""
        return (replace(self.phase("last block", "last"), blocks=self.blocks),)


STRATEGY = LastBlock
