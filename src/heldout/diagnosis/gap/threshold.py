"""The threshold term: what a shift of the decision mends on test beyond what it mends on validation."""

from __future__ import annotations

import numpy as np

from heldout.diagnosis.gap.samples import Samples
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.records import TermStatus
from heldout.records.predictions import Predictions
from heldout.stats.measured import Measured, recentred
from heldout.stats.scores import Reals
from heldout.stats.thresholds import FOLDS, tuned_accuracy
from heldout.stats.weighted import weighted_mean


def threshold_term(run: RunData, samples: Samples, gap: Measured, rules: Rules) -> GapTerm:
    """What the best biases gain on test beyond what they gain on V′ at the class shares of test, by true labels.

    Not measured where a class or the patients are too few for a best threshold to mean anything.
    """
    few = _too_few(run, samples, rules)
    if few:
        detail = f"{few}: threshold and ranking cannot be told apart, and stand together in ranking"
        return GapTerm(None, TermStatus.NOT_MEASURED, detail)
    test, weights = samples.true_test, samples.true_weights
    gain_test = tuned_accuracy(test.labels, test.logits, test.units, weights) - weighted_mean(test.right, weights)
    points = run.draws.measured(100 * (gain_test - threshold_gain(samples, samples.val)), gap.n)
    detail = "what the best class biases gain on test beyond what they gain on validation, cross-fitted"
    moved = Measured(points.value, recentred(points.value, points.replicates), gap.n, points.method)
    return GapTerm(moved, TermStatus.MEASURED, detail)


def threshold_gain(samples: Samples, val: Predictions) -> Reals:
    """What the best biases gain on V′ (as `val` sees it) at the class shares of test, a fraction, (B + 1,)."""
    weights = samples.val_at_test_prior()
    gain: Reals = tuned_accuracy(val.labels, val.logits, val.units, weights) - weighted_mean(val.right, weights)
    return gain


def _too_few(run: RunData, samples: Samples, rules: Rules) -> str:
    """Which class has too few images for a threshold, in words; empty where none has."""
    present = samples.test.counts() > 0
    for part, where in ((samples.val, "validation"), (samples.test, "test")):
        counts = part.counts()
        for k in np.flatnonzero(present):
            if counts[k] < rules.min_threshold_class:
                return f"{counts[k]} {where} {run.unit.words} of '{run.classes[k]}'"
        if (patients := len(np.unique(part.units))) < FOLDS:
            return f"{patients} {where} patients"
    return "one class in test" if present.sum() < 2 else ""
