"""The threshold term: what a shift of the decision mends on test beyond what it mends on validation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from heldout.diagnosis.gap.samples import Samples
from heldout.diagnosis.gap.small_classes import (
    bearing_classes,
    held_mistakes,
    left_out_words,
    smallest_bearing,
    without_threshold,
)
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.records import TermStatus
from heldout.records.predictions import Predictions
from heldout.stats.few import factor_of_one, spread
from heldout.stats.measured import Measured, recentred
from heldout.stats.scores import Indices, Reals
from heldout.stats.thresholds import FOLDS, REPEATS, Movable, tuned_accuracy
from heldout.stats.weighted import weighted_mean
from heldout.stats.weights import Weightings


def threshold_term(run: RunData, samples: Samples, gap: Measured, rules: Rules) -> GapTerm:
    """What the best biases gain on test beyond what they gain on V′ at the class shares of test, by true labels.

    Biases are looked for on as many images of each class on both sides: on fewer they gain less, whatever the images.
    Classes with too few images for a best threshold to mean anything are left out (`bearing_classes`). Not measured
    where fewer than two classes, or too few patients, are left.
    """
    few = _too_few(run, samples, rules)
    if few:
        detail = f"{few}: threshold and ranking cannot be told apart, and stand together in ranking"
        return GapTerm(None, TermStatus.NOT_MEASURED, detail)
    sides = _Sides(samples, bearing_classes(samples, rules))
    points = run.draws.measured(100 * sides.gained(), gap.n)
    replicates = recentred(points.value, points.replicates)
    if smallest_bearing(samples, rules)[1] < rules.few_threshold_class:
        replicates = spread(points.value, replicates, _few_factor(sides, points) * _luck_of_search(sides, rules))
    detail = "what the best class biases gain on test beyond what they gain on validation, cross-fitted"
    moved = replace(points, replicates=replicates)
    undecided, small = 0.0, without_threshold(samples, rules)
    if sides.classes is not None and small.any():
        undecided = held_mistakes(samples, sides.classes)
        detail += f"; {left_out_words(samples, run.classes, small, undecided)}"
    return GapTerm(moved, TermStatus.MEASURED, detail, undecided)


@dataclass(frozen=True)
class _Sides:
    """V′ and test, and the classes among which the decision may move; None for all."""

    samples: Samples
    classes: Indices | None

    def gained(self, rows: slice = slice(None), *, anew: bool = False, repeats: int = REPEATS) -> Reals:
        """What the best biases gain on test beyond what they gain on V′, a fraction, in some of B + 1 replicates.

        Networks trained anew have their own biases each, and the mean of what these gain is taken.

        Args:
            rows: Of the replicates, the first being the sample.
            anew: As of `tuned_accuracy`.
            repeats: As of `tuned_accuracy`.
        """
        samples = self.samples
        share_val, share_test = samples.search_shares()

        def gain(images: Predictions, weights: Weightings, share: Reals) -> Reals:
            tuned = tuned_accuracy(
                images.labels,
                images.logits,
                images.units,
                weights,
                classes=self.classes,
                share=share,
                anew=anew,
                repeats=repeats,
            )
            gained: Reals = tuned - weighted_mean(images.right, weights)
            return gained

        weights = samples.val_at_test_prior(rows)
        if samples.networks:
            each = [
                gain(samples.val.take(own), weights.take(own, times), share_val) for own, times in samples.by_network()
            ]
            on_val: Reals = np.mean(each, axis=0)
        else:
            on_val = gain(samples.val, weights, share_val)
        difference: Reals = gain(samples.true_test, samples.true_weights[rows], share_test) - on_val
        return difference


def _few_factor(sides: _Sides, points: Measured) -> float:
    """How far replicates are spread, beyond what few units ask of any number, where the smallest class has few images.

    The best bias of a class hangs on its own units, whatever they bring to the variance: the number is spread as if
    it hung on the class with the fewest alone.
    """
    samples = sides.samples
    units = [
        len(np.unique(images.units[images.labels == k]))
        for images in (samples.val, samples.test)
        for k in (np.unique(images.labels) if sides.classes is None else sides.classes)
    ]
    return max(1.0, max(factor_of_one(number) for number in units) / points.factor)


def _luck_of_search(sides: _Sides, rules: Rules) -> float:
    """How far replicates are spread about the term, where some class has few images, for the luck of the search.

    With two classes every replicate looks for its own cut. With more, replicates keep the biases of the sample, without
    that luck; looked for anew in a bootstrap sample, whose images stand in it several times, they have more than it
    (docs/diagnosis.md), and the mean of both variances is taken.
    """
    classes = sides.classes
    if (sides.samples.val_prior.shape[1] if classes is None else len(classes)) == 2:
        return 1.0
    some = slice(0, 1 + rules.search_draws)
    held, anew = (float(np.var(sides.gained(some, anew=each, repeats=1)[1:])) for each in (False, True))
    return sqrt((1 + max(1.0, anew / held)) / 2) if held > 0 else 1.0


def _too_few(run: RunData, samples: Samples, rules: Rules) -> str:
    """Why no threshold can be looked for, in words; empty where one can."""
    small = without_threshold(samples, rules)
    present = samples.test.counts() > 0
    enough = (present & ~small).sum() >= 2
    classes = bearing_classes(samples, rules)
    both = ((samples.val, samples.val_counts, "validation"), (samples.test, samples.test.counts(), "test"))
    for part, counts, where in both:
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
