"""Whether probabilities are as sure as they are right: scores before and after scaling, and bins, with intervals."""

from __future__ import annotations

from functools import partial

import numpy as np

from heldout.records import Estimate
from heldout.records.calibration import Counted, Reliability, ReliabilityBin, ScalingKind, ScoreChange, ScoreName
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import Resamples, draw, percentile_interval
from heldout.stats.estimates import share_estimate
from heldout.stats.few import spread, spread_words
from heldout.stats.further import Answers, Asked, FurtherScore, brier, calibration_error, score_estimate
from heldout.stats.measured import recentred
from heldout.stats.scores import Reals, softmax
from heldout.stats.units import Units
from heldout.stats.weights import Weights
from heldout.ties import first_of_largest

BINS = 10
"""Bins of equal width between guessing (1/k) and certainty."""

LARGEST = 100.0
"""No mean log loss of float32 logits comes near it, nats; a bound for intervals, which have to be finite."""


def log_losses(answers: Answers, weights: Weights) -> Reals:
    """Mean cross-entropy in nats, (R,)."""
    own = answers.probabilities[np.arange(len(answers.labels)), answers.labels]
    exact = weights.astype(np.float64)
    found: Reals = exact @ -np.log(np.maximum(own, np.finfo(np.float64).tiny)) / exact.sum(axis=1)
    return found


SCORES: dict[ScoreName, FurtherScore] = {
    "log_loss": FurtherScore("log_loss", "log loss", log_losses, (0.0, LARGEST), higher_is_better=False),
    "brier": FurtherScore("brier", "Brier score", brier, (0.0, 2.0), higher_is_better=False),
    "calibration_error": FurtherScore(
        "calibration_error", "calibration error", calibration_error, higher_is_better=False, biased=True
    ),
}


def reliability(side: Predictions, scaled: Reals, kind: ScalingKind, seed: int = 0) -> Reliability:
    """One part before and after.

    Args:
        side: The part, with its logits as they are.
        scaled: (n, k) its logits as scalings that have not seen its patients make them.
        kind: Of scaling.
        seed: Of the bootstrap.
    """
    units = Units.of(side.labels, side.ids, side.patients)
    resamples = draw(side.labels, side.ids, side.patients, seed=(seed, 61))
    before, after = (Answers(side.labels, logits, Asked()) for logits in (side.logits, scaled))
    found = []
    for name, score in SCORES.items():
        first, second = (resamples.over(partial(score.of, answers)) for answers in (before, after))
        old, new = score_estimate(score, first, resamples), score_estimate(score, second, resamples)
        found.append(ScoreChange(name, old, new, _change(score, second - first, resamples)))
    counted = Counted(len(side), len(units), units.patients > 0)
    old_bins, new_bins = (reliability_bins(side, softmax(logits), units) for logits in (side.logits, scaled))
    return Reliability("test" if side.part == "test" else "val", kind, counted, tuple(found), old_bins, new_bins)


def _change(score: FurtherScore, values: Reals, resamples: Resamples) -> Estimate:
    """Paired: the same draws of patients before and after."""
    value, replicates = float(values[0]), values[1:]
    factor = resamples.few.factor(replicates)
    moved = recentred(value, replicates) if score.biased else replicates
    low, high = percentile_interval(spread(value, moved, factor), value)
    return Estimate(value, low, high, len(resamples.units.unit), f"paired {resamples.method}{spread_words(factor)}")


def reliability_bins(side: Predictions, probabilities: Reals, units: Units) -> tuple[ReliabilityBin, ...]:
    """Bins that hold images.

    Args:
        side: The part.
        probabilities: (n, k).
        units: Of its images.
    """
    k = probabilities.shape[1]
    sure, right = probabilities.max(axis=1), first_of_largest(probabilities, axis=1) == side.labels
    edges = np.linspace(1 / k, 1.0, BINS + 1)
    place = np.clip(np.digitize(sure, edges) - 1, 0, BINS - 1)
    found = []
    for b in np.unique(place):
        own = np.flatnonzero(place == b)
        estimate = share_estimate(right[own], units.take(own))
        found.append(ReliabilityBin(float(edges[b]), float(edges[b + 1]), float(sure[own].mean()), estimate))
    return tuple(found)
