"""Scores of several labels an image: each label's own, their means, and two runs' difference, on the same draws.

Every label is a question of two classes (`LabelPredictions.question`), so that each score is that of two classes; the
mean over labels is taken within each replicate, since labels of one image hang together.

Shapes: n images, k labels, B replicates; row 0 of values is the sample itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from scipy.special import expit, ndtr, stdtr

from heldout.records import Estimate, LabelScores
from heldout.records.label_predictions import LabelPredictions
from heldout.records.metric import MetricName
from heldout.records.predictions import Predictions
from heldout.stats.bootstrap import Resamples, percentile_interval, resampled_auc, varies
from heldout.stats.estimates import auc_estimate, recall_estimate
from heldout.stats.few import KNOWN, spread, spread_words
from heldout.stats.further import BINS, FURTHER, FurtherScore, score_estimate
from heldout.stats.intervals import unseen
from heldout.stats.joint import JointBootstrap
from heldout.stats.resampled_precision import resampled_average_precision
from heldout.stats.scores import Reals, auc

FURTHER_OF_LABELS = ("average_precision", "f1", "mcc", "brier", "calibration_error")
"""Further scores (`stats.further`) that are told of labels. F1 and Matthews' correlation are of the answers, cut at the
threshold; Brier score and calibration error of the sigmoid of the logit, wherever the line is drawn."""

OF_METRIC: dict[MetricName, str] = {"mean-auc": "auc", "mean-average-precision": "average_precision", "mean-f1": "f1"}
"""Metric -> the score of each label that it is the mean of."""


def joint_draws(val: LabelPredictions, test: LabelPredictions | None, replicates: int, seed: int) -> JointBootstrap:
    """Patients of validation and test drawn together, within strata of the rarest label that an image has."""
    return JointBootstrap.of(in_strata(val), None if test is None else in_strata(test), replicates, seed)


def in_strata(side: LabelPredictions) -> Predictions:
    """A part with the stratum of each image in place of its class; without answers."""
    return Predictions(side.part, side.ids, side.strata, np.zeros((len(side), side.k + 1)), side.patients, side.sites)


@dataclass(frozen=True, eq=False)
class LabelValues:
    """Scores of every label of a part in every replicate.

    Attributes:
        side: The part.
        resamples: Draws of its images.
    """

    side: LabelPredictions
    resamples: Resamples

    @cached_property
    def questions(self) -> list[Predictions]:
        """One a label."""
        return [self.side.question(c) for c in range(self.side.k)]

    @cached_property
    def auc(self) -> Reals:
        """Area under the curve, (k, B + 1); NaN for a label that no image has, or all."""
        return np.stack([self._areas(one) for one in self.questions])

    def _areas(self, question: Predictions) -> Reals:
        value = auc(question.labels, question.logits)
        if value is None:
            return np.full(self.resamples.replicates + 1, np.nan)
        return np.append(value, resampled_auc(question.labels, question.logits, self.resamples))

    @cached_property
    def further(self) -> dict[str, Reals]:
        """Further score -> (k, B + 1), NaN likewise."""
        found = {name: np.full((self.side.k, self.resamples.replicates + 1), np.nan) for name in FURTHER_OF_LABELS}
        for c, question in enumerate(self.questions):
            if question.labels.min() != question.labels.max():
                for name, values in self._scores_of(question, float(self.side.thresholds[c])).items():
                    found[name][c] = values
        return found

    def _scores_of(self, question: Predictions, threshold: float) -> dict[str, Reals]:
        """Every further score of one label, (B + 1,): formulas of `stats.further` of two classes, by weighted sums."""
        truth, called = question.labels == 1, question.predicted == 1
        probability = expit(question.logits[:, 1] + threshold)
        sure = np.maximum(probability, 1 - probability)
        off = ((probability > 0.5) == truth) - sure
        bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], sure)
        rows = [truth & called, truth, called, np.ones(len(truth)), (probability - truth) ** 2]
        rows += [off * (bins == one) for one in np.unique(bins)]
        both, have, said, every, squares, *gaps = self._sums(np.stack(rows, dtype=np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            spread_of_both = np.sqrt(have * (every - have) * said * (every - said))
            correlation = np.where(spread_of_both > 0, (both * every - have * said) / spread_of_both, 0.0)
            return {
                "average_precision": resampled_average_precision(truth, question.logits[:, 1], self.resamples),
                "f1": 2 * both / (have + said),
                "mcc": correlation,
                "brier": squares / every,
                "calibration_error": np.abs(np.stack(gaps)).sum(axis=0) / every,
            }

    def _sums(self, rows: Reals) -> Reals:
        """Weighted sums of the images' values, (r, n) -> (r, B + 1)."""
        return np.concatenate([rows.sum(axis=1)[:, None], self.resamples.totals(rows)], axis=1)

    def of_metric(self, metric: MetricName) -> Reals:
        """The mean over labels, (B + 1,)."""
        name = OF_METRIC[metric]
        return over_labels(self.auc if name == "auc" else self.further[name])

    @cached_property
    def right(self) -> Reals:
        """Share of all answers that are right, (B + 1,)."""
        each = (self.side.predicted == self.side.labels).mean(axis=1)
        sums = self._sums(np.stack([each, np.ones(len(each))]))
        shares: Reals = sums[0] / sums[1]
        return shares

    def of_label(self, label: int) -> LabelScores:
        """All that is told of one label."""
        question = self.questions[label]
        areas = self.auc[label]
        found = {
            score.name: score_estimate(score, self.further[score.name][label], self.resamples)
            if np.isfinite(self.further[score.name][label, 0])
            else None
            for score in scores()
        }
        return LabelScores(
            images=len(question),
            positives=int(question.labels.sum()),
            threshold=float(self.side.thresholds[label]),
            auc=auc_estimate(question.labels, question.logits, self.resamples, areas[1:]),
            sensitivity=recall_estimate(question, 1),
            specificity=recall_estimate(question, 0),
            scores=found,
        )


def scores() -> list[FurtherScore]:
    """The further scores that are told of labels."""
    return [score for score in FURTHER if score.name in FURTHER_OF_LABELS]


def over_labels(values: Reals) -> Reals:
    """Mean over the labels that have a value on the sample, (k, B + 1) -> (B + 1,); NaN where none has."""
    own = values[np.isfinite(values[:, 0])]
    if not len(own):
        return np.full(values.shape[1], np.nan)
    drawn = np.isfinite(own)  # a replicate may draw no image of a rare label: the mean is then over the others
    sums: Reals = np.where(drawn, own, 0.0).sum(axis=0) / np.maximum(drawn.sum(axis=0), 1)
    return sums


def mean_estimate(values: Reals, resamples: Resamples) -> Estimate | None:
    """A mean over labels as a fraction with its interval; None where no label has a value.

    Args:
        values: (B + 1,).
        resamples: The draws.
    """
    if not np.isfinite(values[0]):
        return None
    return _estimate(float(values[0]), values[1:], resamples, (0.0, 1.0), 1.0)


def points_estimate(values: Reals, resamples: Resamples, how: str = "") -> Estimate:
    """A difference of such means in points; values (B + 1,) are fractions."""
    points = 100 * values
    return _estimate(float(points[0]), points[1:], resamples, (-100.0, 100.0), 100.0, how)


def area_difference(values: Reals, resamples: Resamples) -> Estimate:
    """A difference of mean areas under the curve, −1 … 1; values are (B + 1,)."""
    return _estimate(float(values[0]), values[1:], resamples, (-1.0, 1.0), 1.0, "paired ")


def _estimate(
    value: float,
    replicates: Reals,
    resamples: Resamples,
    ends: tuple[float, float],
    scale: float,
    how: str = "",
) -> Estimate:
    units = resamples.units
    if varies(replicates):
        wide = resamples.few.factor(replicates)
        low, high = percentile_interval(spread(value, replicates, wide), value)
        method = f"{how}{resamples.method}{spread_words(wide)}"
    else:
        low, high = value - scale * unseen(len(units)), value + scale * unseen(len(units))
        method = f"Wilson on {len(units)} {'patients' if units.patients else 'images'} (the bootstrap does not vary)"
    return Estimate(value, min(max(low, ends[0]), value), max(min(high, ends[1]), value), len(units.unit), method)


def bootstrap_p(values: Reals, resamples: Resamples) -> float:
    """Two-sided p that a difference of two runs is 0, from its bootstrap standard error over patients; 1 if it is none.

    The normal approximation of Efron & Tibshirani (1993, section 12.5 and 16), which DeLong's test (1988) is too, here
    with patients as units, and Student's t where they are few (`few.FewUnits`); for a mean of areas under the
    curve over labels there is no exact test that is as cheap.

    Args:
        values: (B + 1,) of the difference.
        resamples: The draws.
    """
    if not varies(values[1:]):
        return 1.0
    (more,), (df,) = resamples.few.variance(values[None, 1:])
    t = abs(float(values[0])) / (float(np.nanstd(values[1:], ddof=1)) * sqrt(more))
    return float(2 * (ndtr(-t) if df >= KNOWN else stdtr(df, -t)))
