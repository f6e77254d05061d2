"""The threshold term: what a shift of the decision mends on test beyond what it mends on validation."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.gap.samples import Samples
from heldout.diagnosis.run_data import RunData
from heldout.records.predictions import Predictions
from heldout.stats.measured import Measured, recentred
from heldout.stats.scores import Reals
from heldout.stats.thresholds import FOLDS, tuned_accuracy
from heldout.stats.weighted import weighted_mean

FEWEST_OF_A_CLASS = 10
"""With fewer images of a class on either side a best threshold means nothing, and the term is left in ranking."""


def threshold_term(evidence: RunData, base: Samples, gap: Measured) -> tuple[Measured | None, str]:
    """What the best biases gain on test beyond what they gain on V′ at the class shares of test, by true labels.

    None where a class or the patients are too few for a best threshold to mean anything.
    """
    small = _too_few(evidence, base)
    if small:
        return None, f"{small}: threshold and ranking cannot be told apart, and stand together in ranking"
    side, weights = base.true_test, base.true_weights
    gain_test = tuned_accuracy(side.labels, side.logits, side.units, weights) - weighted_mean(side.right, weights)
    points = evidence.draws.measured(100 * (gain_test - threshold_gain(base, base.val)), gap.n)
    words = "what the best class biases gain on test beyond what they gain on validation, cross-fitted"
    return Measured(points.value, recentred(points.value, points.replicates), gap.n, points.method), words


def threshold_gain(base: Samples, val: Predictions) -> Reals:
    """What the best biases gain on V′ (as `val` sees it) at the class shares of test, a fraction, (B + 1,)."""
    weights = base.val_at_test_prior()
    gain: Reals = tuned_accuracy(val.labels, val.logits, val.units, weights) - weighted_mean(val.right, weights)
    return gain


def _too_few(evidence: RunData, base: Samples) -> str:
    """Which class has too few images for a threshold, in words; empty where none has."""
    for side in (base.val, base.test):
        counts = side.counts()
        for k in np.flatnonzero(base.test.counts() > 0):
            if counts[k] < FEWEST_OF_A_CLASS:
                where = "validation" if side is base.val else "test"
                return f"{counts[k]} {where} images of '{evidence.classes[k]}'"
        if (patients := len(np.unique(side.units))) < FOLDS:
            return f"{patients} {'validation' if side is base.val else 'test'} patients"
    if (base.test.counts() > 0).sum() < 2:
        return "one class in test"
    return ""
