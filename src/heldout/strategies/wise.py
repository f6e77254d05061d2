"""WiSE-FT: the straight line of weights between the linear probe and the fine-tuned network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.strategies._trained import Trained
from heldout.strategies.strategy import STRENGTHS, Phase, Statistics


@dataclass(frozen=True)
class Wise(Trained):
    """Solve a linear probe, fine-tune from there, and take the mixture of both networks that validation likes best.

    What it does: every weight becomes (1 − α) · probe network + α · fine-tuned network, at the α with the least
    validation loss. α = 0 is the probe, α = 1 is `lp-ft`. Where BatchNorm statistics follow the images, those in
    between are measured on training images, since mixed statistics would not fit mixed weights.

    When to try it: when test images come from elsewhere. In the literature mixtures lose nothing at home and gain
    abroad; note that validation images from home tell little of what α is best abroad.

    Sources: Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022, with the linear probe in the place of
    the zero-shot classifier.

    Attributes:
        lr: Learning rate of the fine-tuning at the start.
        alphas: Values of α that are tried.
        warmup: Share of the steps in which the learning rate rises in a straight line from zero: Adam's first steps are
            as large for small gradients as for large ones, and would spoil the head that was solved.
        statistics: BatchNorm layers `keep` the pretrained statistics, with which the head was solved; with `follow`
            they normalise by the batch, for which that head is wrong, and its lead may be lost in the first steps.
        strengths: Values of C that are tried for the head.
    """

    name: ClassVar[str] = "wise"
    title: ClassVar[str] = "interpolate between probe and fine-tuned"

    lr: float = 1e-4
    warmup: float = 0.1
    statistics: Statistics = "keep"
    alphas: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    strengths: tuple[float, ...] = STRENGTHS

    def phases(self) -> tuple[Phase, ...]:
        """The head is solved, everything learns, and the best mixture of both ends is taken."""
        return (
            self.solved("probe", "logistic", self.strengths),
            self.phase("fine-tune", "all"),
            self.solved("interpolate", "interpolate", self.alphas, of=(0, 1)),
        )


STRATEGY = Wise
