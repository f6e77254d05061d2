"""BitFit: only biases learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.strategies._trained import Kept
from heldout.strategies.strategy import Phase


@dataclass(frozen=True)
class Bias(Kept):
    """Train the biases of all layers, and a new linear head; every other weight stays.

    What it does: a fraction of a percent of the parameters learns. In networks with BatchNorm the biases are its
    shifts, and its statistics follow the new images; in transformers they are those of linear layers and LayerNorm.
    Every other parameter is hashed before and after. An epoch costs nearly as much as one of `finetune`.

    When to try it: transformers with few images, and as the smallest change to a trunk that can still be called one.

    Sources: Ben Zaken, Goldberg & Ravfogel, BitFit: Simple Parameter-efficient Fine-tuning for Transformer-based Masked
    Language-models, ACL 2022; Cai et al., TinyTL: Reduce Memory, Not Parameters for Efficient On-Device Learning,
    NeurIPS 2020.

    Attributes:
        lr: Learning rate at the start; higher than for whole networks, since so few parameters move.
    """

    name: ClassVar[str] = "bias"
    title: ClassVar[str] = "train biases only (BitFit)"

    lr: float = 1e-3

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which the biases and the head learn."""
        return (self.phase("bias", "bias"),)


STRATEGY = Bias
