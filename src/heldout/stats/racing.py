"""Candidates on the same validation images: who cannot win any more, and how sure the best one is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heldout.stats.bootstrap import Resamples
from heldout.stats.folds import corrected_t
from heldout.stats.intervals import unseen
from heldout.stats.max_statistic import single_step
from heldout.stats.scores import Indices, Reals
from heldout.ties import SAME


@dataclass(frozen=True)
class Race:
    """Scores of candidates on the same images, drawn again by patient.

    Attributes:
        scores: (m, n) what each candidate scores on each image, 0 … 1.
        resamples: Draws of these images.
        fold: (n,) number of the fold that each image is in, where each was answered by a network that did not learn
            from its fold; None where one network answered all.
    """

    scores: Reals
    resamples: Resamples
    fold: Indices | None = None

    def drawn(self) -> Reals:
        """Mean score of each candidate in each replicate, (m, B)."""
        totals = self.resamples.totals(self.scores)
        count = self.resamples.totals(np.ones(self.scores.shape[1]))
        means: Reals = totals / count
        return means

    def behind(self, leader: int, level: float = 0.05) -> tuple[Reals, Reals, Reals]:
        """How far each lies behind the leader, in points: values, lower and upper ends, (m,) each.

        Ends are percentiles of the paired differences, spread where patients are few; where no draw differs, they lie
        as far out as a patient of another kind, seen in none, may still be frequent (`stats.few`). Out of fold these
        ends take the networks as given; what other training images would have given shows in the spread over folds,
        which share most of theirs: told is the wider of them and of Nadeau & Bengio's interval (`stats.folds`).

        Args:
            leader: Number of the candidate that the others are held against.
            level: Chance of each interval to miss; 0.05 for 95 %.
        """
        drawn = self.drawn()
        values = 100 * (self.scores[leader].mean() - self.scores.mean(axis=1))
        units = self.resamples.units
        differences = 100 * (drawn[leader] - drawn)
        factors = self.resamples.few.factors(differences, level)
        spread = values[:, None] + (differences - values[:, None]) * factors[:, None]
        low, high = np.quantile(spread, [level / 2, 1 - level / 2], axis=1)
        still = np.ptp(differences, axis=1) <= SAME
        still[leader] = False  # it is not behind itself
        beyond = np.where(still, 100 * unseen(len(units), level), 0.0)
        low, high = low - beyond, high + beyond
        reach = self._reach(leader, level)
        return values, np.minimum(low, values - reach), np.maximum(high, values + reach)

    def behind_best(self, best: int, level: float = 0.05) -> tuple[Reals, Reals, Reals]:
        """As `behind`, where the leader is the best of them: intervals hold for all pairs of candidates at once.

        Who leads was chosen among all by the same images, so that each of equals lies behind it by luck. Ends are those
        of the largest difference of any pair in its standard errors (max-|t|, Romano & Wolf 2005, all pairs as Tukey's
        range has them); over folds they are Bonferroni's.

        Args:
            best: Number of the candidate that was chosen.
            level: Chance that any interval misses; 0.05 for 95 %.
        """
        means = self.scores.mean(axis=1)
        values: Reals = 100 * (means[best] - means)
        first, second = np.triu_indices(len(means), 1)
        if not len(first):
            return values, values, values
        units, each = self.resamples.units, level / len(first)
        drawn = 100 * (self.drawn() - means[:, None])  # (m, B) about each candidate's own score
        error = np.std(drawn[first] - drawn[second], axis=1, ddof=1)
        varied = error > SAME
        null = ((drawn[first[varied]] - drawn[second[varied]]) / error[varied, None]).T  # (B, pairs)
        critical = single_step(np.zeros(null.shape[1]), null, level).critical
        own = np.std(drawn[best] - drawn, axis=1, ddof=1) * self.resamples.few.factors(drawn[best] - drawn, each)
        reach = np.where(own > SAME, critical * own, 100 * unseen(len(units), each))
        reach[best] = 0.0
        reach = np.maximum(reach, self._reach(best, each))
        return values, values - reach, values + reach

    def _reach(self, leader: int, level: float) -> Reals:
        """Half of each interval over folds, in points, (m,); 0 without folds, and where all of them agree."""
        reach = np.zeros(len(self.scores))
        if self.fold is None:
            return reach
        held_out = np.bincount(self.fold)
        for number, scores in enumerate(self.scores):
            apart = 100 * np.bincount(self.fold, weights=self.scores[leader] - scores) / held_out
            found = corrected_t(apart, held_out.sum() - held_out, held_out, held_out, level)
            reach[number] = found.high - found.value
        return reach

    def best(self) -> Reals | None:
        """Share of replicates in which each has the highest score, (m,); equals share a replicate. They sum to 1.

        None where no class has two patients: each draw is then the same.
        """
        if self.resamples.units.spare < 1:
            return None
        drawn = self.drawn()
        first = drawn >= drawn.max(axis=0) - SAME
        shares: Reals = (first / first.sum(axis=0)).mean(axis=1)
        return shares
