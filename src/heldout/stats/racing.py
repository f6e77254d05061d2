"""Candidates on the same validation images: who cannot win any more, and how sure the best one is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heldout.stats.bootstrap import Resamples
from heldout.stats.scores import Reals
from heldout.ties import SAME


@dataclass(frozen=True)
class Race:
    """Scores of candidates on the same images, drawn again by patient.

    Attributes:
        scores: (m, n) what each candidate scores on each image, 0 … 1.
        resamples: Draws of these images.
    """

    scores: Reals
    resamples: Resamples

    def drawn(self) -> Reals:
        """Mean score of each candidate in each replicate, (m, B)."""
        totals = self.resamples.totals(self.scores)
        count = self.resamples.totals(np.ones(self.scores.shape[1]))
        means: Reals = totals / count
        return means

    def behind(self, leader: int, level: float = 0.05) -> tuple[Reals, Reals, Reals]:
        """How far each lies behind the leader, in points: values, lower and upper ends, (m,) each.

        Ends are percentiles of the paired differences.

        Args:
            leader: Number of the candidate that the others are held against.
            level: Chance of each interval to miss; 0.05 for 95 %.
        """
        drawn = self.drawn()
        values = 100 * (self.scores[leader].mean() - self.scores.mean(axis=1))
        differences = 100 * (drawn[leader] - drawn)
        low, high = np.quantile(differences, [level / 2, 1 - level / 2], axis=1)
        return values, np.minimum(low, values), np.maximum(high, values)

    def best(self) -> Reals:
        """Share of replicates in which each has the highest score, (m,); equals share a replicate. They sum to 1."""
        drawn = self.drawn()
        first = drawn >= drawn.max(axis=0) - SAME
        shares: Reals = (first / first.sum(axis=0)).mean(axis=1)
        return shares
