"""Nearest neighbours on fixed features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.strategies.strategy import Phase, Strategy


@dataclass(frozen=True)
class Knn(Strategy):
    """Let the most similar training images vote, by the features of the fixed network; nothing is trained.

    What it does: features are computed once, centred and brought to length 1. The k training images with the greatest
    cosine vote, nearer ones more (exp(cosine / 0.07)); k is the one with the least validation log loss. Probabilities
    are the shares of the votes by Laplace's rule, so that none is 0. A training image does not vote for itself, nor for
    an exact copy: its accuracy is that of leaving it out. The saved network holds the features of all training images.

    When to try it: with a handful of images a class; where classes fall into several clusters; and to see for each
    prediction the images that it rests on.

    Sources: Wu et al., Unsupervised Feature Learning via Non-Parametric Instance Discrimination, CVPR 2018, and Caron
    et al., Emerging Properties in Self-Supervised Vision Transformers, ICCV 2021 (weighted votes); Wang et al.,
    SimpleShot: Revisiting Nearest-Neighbor Classification for Few-Shot Learning, 2019 (centring, length 1).

    Attributes:
        neighbours: Values of k that are tried.
    """

    name: ClassVar[str] = "knn"
    title: ClassVar[str] = "nearest neighbours on fixed features"

    neighbours: tuple[int, ...] = (1, 3, 5, 9, 17, 33, 65)

    def phases(self) -> tuple[Phase, ...]:
        """One phase that makes the head."""
        return (Phase("knn", "head", 1, solver="neighbours", tried=tuple(map(float, self.neighbours))),)


STRATEGY = Knn
