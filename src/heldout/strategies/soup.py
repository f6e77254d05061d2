"""Model soup: the mean of the weights of several fine-tunings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from heldout.strategies._trained import Trained
from heldout.strategies.strategy import STRENGTHS, Phase, Statistics


@dataclass(frozen=True)
class Soup(Trained):
    """Fine-tune several times from the same linear probe, with other orders of the images, and average the weights.

    What it does: `lp-ft` repeated, each time from the same solved head; what differs is what is drawn: the order of the
    images and dropout. The result is one network, the plain mean, as fast as a single one. Where BatchNorm statistics
    follow the images, its own are measured on training images.

    When to try it: when seeds differ much and there is time for `members` trainings. It gains a part of what an
    ensemble gains; it can also lose, where the members do not lie in one valley.

    Sources: Wortsman et al., Model soups: averaging weights of multiple fine-tuned models improves accuracy without
    increasing inference time, ICML 2022 (the uniform soup); Izmailov et al., UAI 2018.

    Attributes:
        epochs: Passes over the training images of each member.
        lr: Learning rate of the fine-tuning at the start.
        members: Number of fine-tunings.
        warmup: Share of the steps in which the learning rate rises in a straight line from zero: Adam's first steps are
            as large for small gradients as for large ones, and would spoil the head that was solved.
        statistics: BatchNorm layers `keep` the pretrained statistics, with which the head was solved; with `follow`
            they normalise by the batch, for which that head is wrong, and its lead may be lost in the first steps.
        strengths: Values of C that are tried for the head.
    """

    name: ClassVar[str] = "soup"
    title: ClassVar[str] = "average of several fine-tunings"

    lr: float = 1e-4
    warmup: float = 0.1
    statistics: Statistics = "keep"
    members: int = 3
    strengths: tuple[float, ...] = STRENGTHS

    def phases(self) -> tuple[Phase, ...]:
        """The head is solved; from there everything learns, again and again; the ends are averaged."""
        if self.members < 2:
            raise ValueError(f"members is at least 2, found {self.members}")
        numbers = tuple(range(1, self.members + 1))
        return (
            self.solved("probe", "logistic", self.strengths),
            *(replace(self.phase(f"member {number}", "all"), start=0) for number in numbers),
            self.solved("average", "average", of=numbers),
        )


STRATEGY = Soup
