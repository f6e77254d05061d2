"""The threshold term: what a shift of the decision mends on test beyond what it mends on validation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heldout.diagnosis.gap.samples import Samples
from heldout.diagnosis.gap.small_classes import bearing_classes, held_mistakes, left_out_words, without_threshold
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.records import TermStatus
from heldout.records.predictions import Predictions
from heldout.stats.measured import Measured, recentred
from heldout.stats.scores import Indices, Reals
from heldout.stats.thresholds import FOLDS, Movable, tuned_accuracy
from heldout.stats.weighted import weighted_mean


def threshold_term(run: RunData, samples: Samples, gap: Measured, rules: Rules) -> GapTerm:
    """What the best biases gain on test beyond what they gain on V′ at the class shares of test, by true labels.

    Classes with too few images for a best threshold to mean anything are left out (`bearing_classes`). Not measured
    where fewer than two classes, or too few patients, are left.
    """
    few = _too_few(run, samples, rules)
    if few:
        detail = f"{few}: threshold and ranking cannot be told apart, and stand together in ranking"
        return GapTerm(None, TermStatus.NOT_MEASURED, detail)
    test, weights, classes = samples.true_test, samples.true_weights, bearing_classes(samples, rules)
    tuned = tuned_accuracy(test.labels, test.logits, test.units, weights, classes=classes)
    gain_test = tuned - weighted_mean(test.right, weights)
    points = run.draws.measured(100 * (gain_test - threshold_gain(samples, samples.val, classes)), gap.n)
    detail = "what the best class biases gain on test beyond what they gain on validation, cross-fitted"
    moved = replace(points, replicates=recentred(points.value, points.replicates))
    undecided, small = 0.0, without_threshold(samples, rules)
    if classes is not None and small.any():
        undecided = held_mistakes(samples, classes)
        detail += f"; {left_out_words(samples, run.classes, small, undecided)}"
    return GapTerm(moved, TermStatus.MEASURED, detail, undecided)


def threshold_gain(samples: Samples, val: Predictions, classes: Indices | None = None) -> Reals:
    """What the best biases gain on V′ (as `val` sees it) at the class shares of test, a fraction, (B + 1,)."""
    weights = samples.val_at_test_prior()
    tuned = tuned_accuracy(val.labels, val.logits, val.units, weights, classes=classes)
    gain: Reals = tuned - weighted_mean(val.right, weights)
    return gain


def _too_few(run: RunData, samples: Samples, rules: Rules) -> str:
    """Why no threshold can be looked for, in words; empty where one can."""
    small = without_threshold(samples, rules)
    present = samples.test.counts() > 0
    enough = (present & ~small).sum() >= 2
    classes = bearing_classes(samples, rules)
    for part, where in ((samples.val, "validation"), (samples.test, "test")):
        counts = part.counts()
        if not enough:
            for k in np.flatnonzero(present & (counts < rules.min_threshold_class)):
                return f"{counts[k]} {where} {run.unit.words} of '{run.classes[k]}'"
            for k in np.flatnonzero(small):
                if (patients := len(np.unique(part.units[part.labels == k]))) < FOLDS:
                    return f"{patients} {where} {run.drawn} of '{run.classes[k]}'"
        rows = Movable.among(part.labels, part.logits, classes if enough else None).rows
        if (patients := len(np.unique(part.units[rows]))) < FOLDS:
            return f"{patients} {where} {run.drawn}"
    return "" if enough else "one class in test"
