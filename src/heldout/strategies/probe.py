"""Linear probe: logistic regression on fixed features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.strategies.strategy import STRENGTHS, ClassWeights, Phase, Strategy


@dataclass(frozen=True)
class Probe(Strategy):
    """Fit a logistic regression on the features of the fixed network, to its optimum.

    What it does: features are computed once and standardised; L2-regularised multinomial logistic regression is solved
    for several strengths C, and the one with the least validation log loss is kept. No learning rate, no epochs, no
    luck of the seed: the answer is the same each time.

    When to try it: as the quickest honest baseline, and as a measure of how good the features are.

    Sources: Alain & Bengio, Understanding intermediate layers using linear classifier probes, 2016; Kornblith et al.
    2019 (logistic regression on fixed features, C swept on validation).

    Attributes:
        strengths: Values of C (inverse regularisation, on standardised features) that are tried.
        class_weights: `balanced` weighs every class alike in the loss, however few its images; `none` every image.
    """

    name: ClassVar[str] = "probe"
    title: ClassVar[str] = "logistic regression on fixed features"

    strengths: tuple[float, ...] = STRENGTHS
    class_weights: ClassWeights = "none"

    def phases(self) -> tuple[Phase, ...]:
        """One phase that solves the head."""
        return (Phase("probe", "head", 1, solver="logistic", tried=self.strengths, class_weights=self.class_weights),)


STRATEGY = Probe
