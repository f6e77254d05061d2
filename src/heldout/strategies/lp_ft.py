"""LP-FT: linear probing, then fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.strategies._trained import Kept
from heldout.strategies.strategy import STRENGTHS, Phase, Statistics


@dataclass(frozen=True)
class LpFt(Kept):
    """Solve the head on the fixed features, then fine-tune the whole network from there at a low rate.

    What it does: `probe`, whose head is at its optimum, followed by training of all parameters. With a head that is
    right from the start, the pretrained features are bent less than by what a random head asks of them at first.

    When to try it: wherever you would fine-tune and the test images come from another place than the training images.

    Sources: Kumar et al., Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution, ICLR 2022.

    Attributes:
        lr: Learning rate of the fine-tuning at the start; a third of that of `finetune`.
        warmup: Share of the steps in which the learning rate rises in a straight line from zero: Adam's first steps are
            as large for small gradients as for large ones, and would spoil the head that was solved.
        statistics: BatchNorm layers `keep` the pretrained statistics, with which the head was solved; with `follow`
            they normalise by the batch, for which that head is wrong, and its lead may be lost in the first steps.
        strengths: Values of C that are tried for the head.
    """

    name: ClassVar[str] = "lp-ft"
    title: ClassVar[str] = "linear probe, then fine-tune"

    lr: float = 1e-4
    warmup: float = 0.1
    statistics: Statistics = "keep"
    strengths: tuple[float, ...] = STRENGTHS

    def phases(self) -> tuple[Phase, ...]:
        """The head is solved; then everything learns."""
        return (self.solved("probe", "logistic", self.strengths), self.phase("fine-tune", "all"))


STRATEGY = LpFt
