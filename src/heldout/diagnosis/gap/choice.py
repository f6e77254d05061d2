"""What choosing among candidates flatters: choose on some of the patients, score on the others.

The selection term asks this of validation, the term chosen-on-test of test; both ask it here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heldout.diagnosis.variants import VariantLogits
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import blocks
from heldout.stats.joint import JointBootstrap
from heldout.stats.measured import Measured, recentred
from heldout.stats.scores import Indices, Reals
from heldout.stats.weights import Weights
from heldout.ties import SAME_LOSS, first_of_largest


@dataclass(frozen=True)
class Candidates:
    """What was chosen among.

    Attributes:
        right: (m, n) whether each of m candidates is right on each image.
        criterion: (m, n) whose mean was largest for the chosen one.
        tolerance: Two means closer than this are equal.
        reported: (n,) whether the chosen one is right, as reported.
        detail: In words.
    """

    right: Reals
    criterion: Reals
    tolerance: float
    reported: Reals
    detail: str


def by_accuracy(right: Reals, reported: Reals, detail: str, each: Reals | None = None) -> Candidates:
    """Candidates of which the one with the highest accuracy was chosen.

    Args:
        right: (m, n).
        reported: (n,).
        detail: In words.
        each: What each image weighs in that accuracy, (n,), mean 1; None where all weigh alike.
    """
    return Candidates(right, right if each is None else right * each, SAME_LOSS, reported, detail)


def right_of(kept: VariantLogits, images: Predictions) -> Reals | None:
    """Whether each variant is right on each image, (m, n); None where one was not scored on all of them."""
    logits = logits_of(kept, images)
    return None if logits is None else (first_of_largest(logits, axis=2) == images.labels).astype(np.float64)


def logits_of(kept: VariantLogits, images: Predictions) -> Reals | None:
    """Logits of each variant on a part's images, (m, n, k); None where one was not scored on all of them."""
    logits = np.stack([kept.logits(variant, images.part, images.ids) for variant in kept.variants])
    return logits if np.isfinite(logits).all() else None


def by_halves(
    found: Candidates,
    units: Indices,
    choosing: Weights,
    weights: Weights,
    *,
    plain: bool,
    halvings: int,
    seed: tuple[int, int],
) -> Reals:
    """Score (a fraction) on one half of the patients of what is best on the other, both ways, (B + 1,).

    A half chooses a little worse than all do, and that counts as flattery where candidates truly differ: 0.2 of 1.9
    points with 30 candidates that differ by 2 and answer alike. Larger parts to choose on have less of that and much
    more noise: choosing on four fifths doubles the standard deviation.

    Args:
        found: The candidates.
        units: Patient of each image, (n,).
        choosing: (B + 1, n) weights by which is chosen.
        weights: (B + 1, n) weights by which is scored.
        plain: Whether every image counts alike in the score, so that a half is worth its images; by another metric a
            rare class weighs much, and each half is taken as half of all.
        halvings: How often the patients are halved.
        seed: Of the halvings.
    """
    number = int(units.max()) + 1

    def of(choosing: Reals, weights: Reals) -> Reals:
        rng = np.random.default_rng(seed)  # every replicate is halved alike
        total = np.zeros(len(weights))
        for _ in range(halvings):
            first = (rng.permutation(number) < number // 2)[units]  # (n,)
            for half in (first, ~first):
                hits, weight = _scored_elsewhere(found, choosing, weights, half)
                with np.errstate(invalid="ignore", divide="ignore"):
                    total += hits / (weight if plain else weights.sum(axis=1) / 2)
        score: Reals = total / (2 * halvings)
        return score

    return _some_at_a_time(of, choosing, weights)


def _some_at_a_time(of: Callable[[Reals, Reals], Reals], choosing: Weights, weights: Weights) -> Reals:
    """What is told of each replicate, (B + 1,), from its weights in double precision, some at a time."""
    return np.concatenate(
        [
            of(choosing[some].astype(np.float64), weights[some].astype(np.float64))
            for some in blocks(len(weights), weights.shape[1])
        ]
    )


def _scored_elsewhere(found: Candidates, choosing: Reals, weights: Reals, on: NDArray[np.bool_]) -> tuple[Reals, Reals]:
    """Weight of right answers, on all other images, of what is best on some, and weight of those images; (B + 1,)."""
    chosen_on, rest = choosing[:, on], weights[:, ~on]
    tolerance = found.tolerance * chosen_on.sum(axis=1)  # (B + 1,)
    # Of equals the first, as the run itself chose.
    choice = first_of_largest(chosen_on @ found.criterion[:, on].T, axis=1, tolerance=tolerance)  # (B + 1,)
    sums = rest @ found.right[:, ~on].T  # (B + 1, m)
    return sums[np.arange(len(sums)), choice], rest.sum(axis=1)


def chosen_anew(found: Candidates, choosing: Weights, weights: Weights) -> Reals:
    """Score (a fraction) of what is best on all images, (B + 1,): in row 0 as reported, else chosen anew."""

    def of(choosing: Reals, weights: Reals) -> Reals:
        tolerance = found.tolerance * choosing.sum(axis=1)
        best = first_of_largest(choosing @ found.criterion.T, axis=1, tolerance=tolerance)
        scores: Reals = (weights @ found.right.T)[np.arange(len(best)), best] / weights.sum(axis=1)
        return scores

    scores = _some_at_a_time(of, choosing, weights)
    sample = weights[0].astype(np.float64)
    scores[0] = sample @ found.reported / sample.sum()
    return scores


def optimism(reported: Reals, unselected: Reals, draws: JointBootstrap, n: int) -> Measured:
    """Points by which a reported score exceeds that of candidates chosen on other patients, recentred.

    Args:
        reported: (B + 1,) fractions.
        unselected: (B + 1,) likewise, by halves.
        draws: The bootstrap.
        n: Number of images.
    """
    points = draws.measured(100 * (reported - unselected), n)
    return replace(points, replicates=recentred(points.value, points.replicates))
