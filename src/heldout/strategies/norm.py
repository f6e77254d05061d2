"""Normalisation only: scales and shifts of BatchNorm or LayerNorm learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.strategies._trained import Kept
from heldout.strategies.strategy import Phase


@dataclass(frozen=True)
class Norm(Kept):
    """Train the weights and biases of the normalisation layers, and a new linear head; all other weights stay.

    What it does: under a hundredth of the parameters learn, yet in every layer: each channel may be scaled and shifted.
    BatchNorm statistics follow the new images. Every convolution and linear layer is hashed before and after. An epoch
    costs nearly as much as one of `finetune`.

    When to try it: few images that look unlike photographs, when `finetune` overfits and `frozen` does not reach.

    Sources: Frankle, Schwab & Morcos, Training BatchNorm and Only BatchNorm, ICLR 2021; Mudrakarta et al., K for the
    Price of 1: Parameter-efficient Multi-task and Transfer Learning, ICLR 2019; Li et al., Revisiting Batch
    Normalization for Practical Domain Adaptation, 2016.

    Attributes:
        lr: Learning rate at the start; higher than for whole networks, since so few parameters move.
    """

    name: ClassVar[str] = "norm"
    title: ClassVar[str] = "train normalisation layers only"

    lr: float = 1e-3

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which the normalisation layers and the head learn."""
        return (self.phase("norm", "norm"),)


STRATEGY = Norm
