"""L2-SP: fine-tuning that is pulled back toward the pretrained weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from heldout.strategies._trained import Kept
from heldout.strategies.strategy import Phase, Range


@dataclass(frozen=True)
class L2Sp(Kept):
    """Fine-tune the whole network with a pull toward the pretrained weights instead of a decay toward zero.

    What it does: after every step each parameter of the trunk moves `lr · anchor` of the way back to its pretrained
    value (the penalty of L2-SP, decoupled from the gradient as AdamW does with weight decay); the head decays as usual.
    With `anchor=0` it is `finetune` without decay of the trunk; the larger, the nearer to `frozen`.

    When to try it: few images, when `finetune` forgets more than it learns; the pull is a dial between the two.

    Sources: Li, Grandvalet & Davoine, Explicit Inductive Bias for Transfer Learning with Convolutional Networks,
    ICML 2018; decoupling: Loshchilov & Hutter, Decoupled Weight Decay Regularization, ICLR 2019.

    Attributes:
        weight_decay: Decoupled weight decay of the head.
        anchor: Strength of the pull. It is not taken from the literature, whose strengths are for plain gradient
            descent: 10 lets weights that a constant gradient drives stray about 0.1.
    """

    name: ClassVar[str] = "l2-sp"
    title: ClassVar[str] = "fine-tune, pulled toward the pretrained weights"

    anchor: float = 10.0

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which everything learns."""
        return (replace(self.phase("l2-sp", "all"), anchor=self.anchor),)

    def space(self) -> dict[str, Range]:
        """The rate, and the pull in the place of the decay."""
        return {"lr": super().space()["lr"], "anchor": Range(0.3, 300.0)}


STRATEGY = L2Sp
