"""First block: the head is solved, then the beginning of the trunk learns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from heldout.strategies._trained import Kept
from heldout.strategies.strategy import STRENGTHS, Phase, Statistics


@dataclass(frozen=True)
class FirstBlock(Kept):
    """Solve a new linear head, then train the first block of the trunk together with it; the blocks behind stay.

    What it does: first a logistic regression on the fixed features (as `probe`), because a random head would teach the
    first block nonsense; then stem and first block learn with the head. All blocks behind are hashed before and after.
    Gradients go back through the whole network, so that an epoch costs nearly as much as one of `finetune`.

    When to try it: when the images differ from photographs in their look (staining, scanner, noise, contrast) more than
    in what is to be told apart: shift at the input is mended where the input comes in.

    Sources: Lee et al., Surgical Fine-Tuning Improves Adaptation to Distribution Shifts, ICLR 2023. They start from a
    network that was trained on the same classes; the solved head stands for that here.

    Attributes:
        lr: Learning rate at the start.
        blocks: How many blocks learn, counted from the input; the stem belongs to the first.
        warmup: Share of the steps in which the learning rate rises in a straight line from zero: Adam's first steps are
            as large for small gradients as for large ones, and would spoil the head that was solved.
        statistics: BatchNorm layers `keep` the pretrained statistics, with which the head was solved; with `follow`
            they normalise by the batch, for which that head is wrong, and its lead may be lost in the first steps.
        strengths: Values of C that are tried for the head.
    """

    name: ClassVar[str] = "first-block"
    title: ClassVar[str] = "solve the head, then train the first block"

    lr: float = 1e-4
    warmup: float = 0.1
    statistics: Statistics = "keep"
    blocks: int = 1
    strengths: tuple[float, ...] = STRENGTHS

    def phases(self) -> tuple[Phase, ...]:
        """The head is solved; then the first blocks and the head learn."""
        return (
            self.solved("probe", "logistic", self.strengths),
            replace(self.phase("first block", "first"), blocks=self.blocks),
        )


STRATEGY = FirstBlock
