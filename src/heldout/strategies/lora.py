"""LoRA: low-rank updates of otherwise fixed weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from heldout.optional import check
from heldout.strategies._trained import Kept
from heldout.strategies.strategy import Phase


@dataclass(frozen=True)
class Lora(Kept):
    """Keep all weights and train a product of two thin matrices beside each of them, with a new linear head.

    What it does: every linear layer and every ungrouped convolution of the trunk is given an adapter of rank `rank` (by
    the library peft); only these and the head learn. All pretrained parameters and buffers, BatchNorm statistics
    included, are hashed before and after training; then the products are added to the weights, and what is saved is a
    plain network, as fast as before. An epoch costs nearly as much as one of `finetune`.

    When to try it: large transformers with few images, where it needs a fraction of the memory of `finetune`; in small
    networks with depthwise convolutions, which cannot be adapted, it has less to gain.

    It needs the extra `lora`: pip install 'heldout[lora]'.

    Sources: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022; Mangrulkar et al., PEFT:
    State-of-the-art Parameter-Efficient Fine-Tuning methods, 2022 (the library).

    Attributes:
        lr: Learning rate at the start; higher than for whole networks, since the second factor begins at zero.
        weight_decay: Decoupled weight decay of factors and head.
        rank: Rank of the updates; they are not scaled further.
    """

    name: ClassVar[str] = "lora"
    title: ClassVar[str] = "low-rank updates (LoRA)"

    lr: float = 1e-3
    weight_decay: float = 0.0
    rank: int = 8

    def __post_init__(self) -> None:
        check("peft", "lora")
        super().__post_init__()

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which adapters and head learn."""
        return (replace(self.phase("lora", "lora"), rank=self.rank),)


STRATEGY = Lora
