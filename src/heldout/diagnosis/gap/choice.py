"""What choosing among candidates flatters: choose on one half of the patients, score on the other, and swap.

The selection term asks this of validation, the term chosen-on-test of test; both ask it here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heldout.diagnosis.variants import VariantLogits
from heldout.records.predictions import Predictions
from heldout.stats.joint import JointBootstrap
from heldout.stats.measured import Measured, recentred
from heldout.stats.scores import Reals
from heldout.stats.weighted import weighted_mean
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


def by_accuracy(right: Reals, reported: Reals, detail: str) -> Candidates:
    """Candidates of which the one with the highest accuracy was chosen.

    Args:
        right: (m, n).
        reported: (n,).
        detail: In words.
    """
    return Candidates(right, right, SAME_LOSS, reported, detail)


def right_of(kept: VariantLogits, images: Predictions) -> Reals | None:
    """Whether each variant is right on each image, (m, n); None where one was not scored on all of them."""
    logits = logits_of(kept, images)
    return None if logits is None else (first_of_largest(logits, axis=2) == images.labels).astype(np.float64)


def logits_of(kept: VariantLogits, images: Predictions) -> Reals | None:
    """Logits of each variant on a part's images, (m, n, k); None where one was not scored on all of them."""
    logits = np.stack([kept.logits(variant, images.part, images.ids) for variant in kept.variants])
    return logits if np.isfinite(logits).all() else None


def optimism(
    found: Candidates,
    images: Predictions,
    draws: JointBootstrap,
    *,
    halvings: int,
    seed: tuple[int, int],
    chosen_anew: bool = False,
) -> Measured:
    """Points by which the reported score exceeds that of candidates chosen on other patients.

    Args:
        found: The candidates.
        images: The part that they were chosen and reported on.
        draws: The bootstrap; its weights carry the metric.
        halvings: How often the patients are halved.
        seed: Of the halvings.
        chosen_anew: Whether each replicate reports what is best on its own images, so that the interval is that of what
            such a choice flatters. Otherwise it reports what was reported, and the interval holds the luck of that
            score too, so that terms of validation keep their sum with the reported score.

    Returns:
        The reported score minus the mean score on one half of the patients of what was best on the other, recentred.
    """
    drawn = draws.of_part(images.part)
    weights = drawn.astype(np.float64)  # float32 sums of losses would make another processor choose otherwise
    rng = np.random.default_rng(seed)
    units = int(images.units.max()) + 1
    total = np.zeros(len(weights))
    for _ in range(halvings):
        first = (rng.permutation(units) < units // 2)[images.units]  # (n,)
        for half in (first, ~first):
            chosen_on, rest = weights[:, half], weights[:, ~half]
            tolerance = found.tolerance * chosen_on.sum(axis=1)  # (B + 1,)
            # Of equals the first, as the run itself chose.
            choice = first_of_largest(chosen_on @ found.criterion[:, half].T, axis=1, tolerance=tolerance)  # (B + 1,)
            sums = rest @ found.right[:, ~half].T  # (B + 1, m)
            with np.errstate(invalid="ignore", divide="ignore"):
                total += sums[np.arange(len(sums)), choice] / rest.sum(axis=1)
    reported = weighted_mean(found.reported, drawn)
    if chosen_anew:
        scores = weights @ np.stack([found.criterion, found.right]).reshape(-1, len(images)).T  # (B + 1, 2m)
        m, every = len(found.right), weights.sum(axis=1)
        best = first_of_largest(scores[1:, :m], axis=1, tolerance=found.tolerance * every[1:])
        reported[1:] = scores[1:, m:][np.arange(len(best)), best] / every[1:]
    points = draws.measured(100 * (reported - total / (2 * halvings)), len(images))
    return replace(points, replicates=recentred(points.value, points.replicates))
