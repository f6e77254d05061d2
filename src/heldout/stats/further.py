"""Scores that stand beside the metric, on the sample and in every replicate at once.

Each is what scikit-learn computes with the images' weights (tests/stats/test_further.py holds them together to 1e-12);
here all replicates are computed in one go, since a comparison asks for some thousands of each.

Shapes: n images, k classes, R weightings (rows of weights, the sample first). Scores of a yes-or-no question
(average precision, F1, sensitivity, specificity) are asked of one class against the rest: of the class that is called
positive, else of the second of two classes; of more classes the mean over all of them is taken ("macro").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from heldout.records import Estimate
from heldout.stats.bootstrap import Resamples, blocks, percentile_interval, varies
from heldout.stats.few import spread, spread_words
from heldout.stats.intervals import unseen
from heldout.stats.measured import recentred
from heldout.stats.scores import Indices, Reals, auc_problems, log_odds, softmax
from heldout.stats.weights import Weights
from heldout.ties import SAME_SCORE, first_of_largest, levels

BINS = 15
"""Bins of the calibration error, of equal width (Guo et al. 2017)."""

ROWS = 128
"""Weightings worked on at a time at most."""

CURVES = 2**21
"""Numbers of curves worked on at a time, 16 MB in double precision, of which a score needs some eight copies."""

REACHED = 1e-12
"""A rate that misses the one asked for by less has reached it: shares are ratios in binary."""


@dataclass(frozen=True)
class Asked:
    """What is asked beside labels and logits.

    Attributes:
        ordered: Whether the classes are ordered (grades), in the order of their indices unless `order` says another.
        positive: Index of the class that yes-or-no questions are asked of; None: the second of two, all of more.
        at: The specificity (or sensitivity) at which the other is told, a fraction.
        order: Indices of the classes from low to high; empty for 0, 1, …
    """

    ordered: bool = False
    positive: int | None = None
    at: float = 0.9
    order: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Answers:
    """Labels and logits of n images, and what several scores need of them.

    Attributes:
        labels: (n,).
        logits: (n, k).
        asked: What is asked.
    """

    labels: Indices
    logits: Reals
    asked: Asked

    @property
    def k(self) -> int:
        """Number of classes."""
        return int(self.logits.shape[1])

    @cached_property
    def predicted(self) -> Indices:
        """(n,) class with the largest logit."""
        return first_of_largest(self.logits, axis=1)

    @cached_property
    def probabilities(self) -> Reals:
        """(n, k) softmax."""
        return softmax(self.logits)

    @cached_property
    def questions(self) -> list[tuple[int, NDArray[np.bool_], Reals]]:
        """Class, whether each image is of it, and its score: one question for two classes, else one a class."""
        c = self.asked.positive
        if c is None:
            found = auc_problems(self.labels, self.logits)
            return [(1 if self.k == 2 else place, *problem) for place, problem in enumerate(found)]
        odds = log_odds(self.logits)[:, c]
        tolerance = SAME_SCORE * float(np.abs(self.logits).max(initial=0.0, where=np.isfinite(self.logits)))
        return [(c, self.labels == c, levels(odds, tolerance).astype(np.float64))]


def confusions(answers: Answers, weights: Weights) -> Reals:
    """Weighted confusion matrices, (R, k, k): row = label, column = predicted class."""
    k = answers.k
    cells, own = np.unique(answers.labels * k + answers.predicted, return_inverse=True)
    one = csr_array((np.ones(len(own)), (np.arange(len(own)), own)), shape=(len(own), len(cells)))
    result = np.zeros((len(weights), k * k))
    result[:, cells] = weights.astype(np.float64) @ one
    return result.reshape(-1, k, k)


def f1(answers: Answers, weights: Weights) -> Reals:
    """F1 of the positive class, or the mean over classes, (R,): 2·TP / (2·TP + FP + FN); 0 where none is found."""
    tables = confusions(answers, weights)
    hits, both = np.diagonal(tables, axis1=1, axis2=2), tables.sum(axis=1) + tables.sum(axis=2)
    with np.errstate(invalid="ignore"):
        each = np.where(both > 0, 2 * hits / both, np.nan)  # (R, k); a class neither there nor answered has none
    asked = [c for c, _, _ in answers.questions]
    result: Reals = np.nanmean(each[:, asked], axis=1)
    return result


def mcc(answers: Answers, weights: Weights) -> Reals:
    """Matthews' correlation coefficient for any number of classes (Gorodkin 2004), (R,); 0 where it has no value."""
    tables = confusions(answers, weights)
    total = tables.sum(axis=(1, 2))
    true, called = tables.sum(axis=2), tables.sum(axis=1)  # (R, k)
    covariance = np.trace(tables, axis1=1, axis2=2) * total - (true * called).sum(axis=1)
    spread = (total**2 - (true**2).sum(axis=1)) * (total**2 - (called**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Reals = np.where(spread > 0, covariance / np.sqrt(spread), 0.0)
    return result


def quadratic_kappa(answers: Answers, weights: Weights) -> Reals:
    """Cohen's kappa with quadratic weights (Cohen 1968), (R,); NaN where all labels and answers are one class."""
    tables, k = confusions(answers, weights), answers.k
    if answers.asked.order:
        tables = tables[:, answers.asked.order][:, :, answers.asked.order]
    far = (np.arange(k)[:, None] - np.arange(k)[None, :]) ** 2.0
    expected = tables.sum(axis=2)[:, :, None] * tables.sum(axis=1)[:, None, :] / tables.sum(axis=(1, 2))[:, None, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Reals = 1 - (tables * far).sum(axis=(1, 2)) / (expected * far).sum(axis=(1, 2))
    return result


def brier(answers: Answers, weights: Weights) -> Reals:
    """Brier score (1950), (R,): of two classes (p − y)² of one, 0 … 1; of more Σ_c (p_c − y_c)², 0 … 2."""
    off = (answers.probabilities - np.eye(answers.k)[answers.labels]) ** 2  # (n, k)
    each = off[:, 1] if answers.k == 2 else off.sum(axis=1)
    return _mean(each, weights)


def calibration_error(answers: Answers, weights: Weights) -> Reals:
    """Expected calibration error of the answered class, (R,): Σ_b |share right − mean probability| · share in bin b."""
    sure = answers.probabilities[np.arange(len(answers.labels)), answers.predicted]
    own = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], sure)
    off = (answers.predicted == answers.labels) - sure
    one = csr_array((off, (np.arange(len(own)), own)), shape=(len(own), BINS))
    exact = weights.astype(np.float64)
    result: Reals = np.abs(exact @ one).sum(axis=1) / exact.sum(axis=1)
    return result


def average_precision(answers: Answers, weights: Weights) -> Reals:
    """Average precision Σ (recall_i − recall_{i−1}) precision_i over the cuts, from the surest on, (R,)."""

    def of_curve(hits: Reals, alarms: Reals) -> Reals:
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(hits + alarms > 0, hits / (hits + alarms), 0.0)
            gained = np.diff(hits, axis=1, prepend=0.0) / hits[:, -1:]
        area: Reals = (gained * precision).sum(axis=1)
        return area

    return _over_questions(answers, weights, of_curve)


def sensitivity_at(answers: Answers, weights: Weights) -> Reals:
    """Largest sensitivity of any cut whose specificity is at least `asked.at`, (R,)."""

    def of_curve(hits: Reals, alarms: Reals) -> Reals:
        with np.errstate(invalid="ignore", divide="ignore"):
            found, false = hits / hits[:, -1:], alarms / alarms[:, -1:]
        best: Reals = np.where(1 - false >= answers.asked.at - REACHED, found, 0.0).max(axis=1)
        return np.where(np.isfinite(found[:, -1] + false[:, -1]), best, np.nan)

    return _over_questions(answers, weights, of_curve)


def specificity_at(answers: Answers, weights: Weights) -> Reals:
    """Largest specificity of any cut whose sensitivity is at least `asked.at`, (R,)."""

    def of_curve(hits: Reals, alarms: Reals) -> Reals:
        with np.errstate(invalid="ignore", divide="ignore"):
            found, false = hits / hits[:, -1:], alarms / alarms[:, -1:]
        best: Reals = np.where(found >= answers.asked.at - REACHED, 1 - false, 0.0).max(axis=1)
        return np.where(np.isfinite(found[:, -1] + false[:, -1]), best, np.nan)

    return _over_questions(answers, weights, of_curve)


def _over_questions(answers: Answers, weights: Weights, of_curve: Callable[[Reals, Reals], Reals]) -> Reals:
    """Mean over the yes-or-no questions of a function of the curve of hits and false alarms, from the surest cut on."""
    total = np.zeros(len(weights))
    for _, positive, score in answers.questions:
        order = np.argsort(-score, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # equal scores are cut together
        yes = positive[order]
        for some in blocks(len(weights), len(score), max(1, min(ROWS, CURVES // len(score)))):
            each = weights[some, order].astype(np.float64)
            hits, all_of_them = np.cumsum(each * yes, axis=1)[:, ends], np.cumsum(each, axis=1)[:, ends]
            total[some] += of_curve(hits, all_of_them - hits)
    result: Reals = total / len(answers.questions)
    return result


def _mean(each: Reals, weights: Weights) -> Reals:
    exact = weights.astype(np.float64)
    result: Reals = exact @ each / exact.sum(axis=1)
    return result


@dataclass(frozen=True)
class FurtherScore:
    """One of the scores.

    Attributes:
        name: As in the JSON.
        title: In words; `{at}` stands for the rate asked for.
        of: Answers and weights (R, n) to values (R,).
        ends: Its smallest and largest value.
        higher_is_better: Its direction.
        ordered: Whether it has a meaning for ordered classes only.
        biased: Whether replicates lie to one side of the value, so that they are moved back (`measured.recentred`).
    """

    name: str
    title: str
    of: Callable[[Answers, Weights], Reals]
    ends: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    ordered: bool = False
    biased: bool = False


FURTHER = (
    FurtherScore("average_precision", "average precision", average_precision),
    FurtherScore("f1", "F1", f1),
    FurtherScore("sensitivity_at_specificity", "sensitivity at {at} specificity", sensitivity_at),
    FurtherScore("specificity_at_sensitivity", "specificity at {at} sensitivity", specificity_at),
    FurtherScore("mcc", "Matthews' correlation", mcc, (-1.0, 1.0)),
    FurtherScore("quadratic_kappa", "quadratic-weighted kappa", quadratic_kappa, (-1.0, 1.0), ordered=True),
    FurtherScore("brier", "Brier score", brier, (0.0, 2.0), higher_is_better=False),
    FurtherScore("calibration_error", "calibration error", calibration_error, higher_is_better=False, biased=True),
)
"""All of them, in the order in which they are told."""


def further_estimates(answers: Answers, resamples: Resamples) -> dict[str, Estimate | None]:
    """Every score that has a meaning here, with its interval; None where a class is missing.

    Percentiles of the bootstrap, spread where patients are few; where no replicate differs, as far as an error that
    none of so many units shows may still be frequent.

    Args:
        answers: Of one part.
        resamples: The draws of its images.
    """
    found: dict[str, Estimate | None] = {}
    for score in FURTHER:
        if score.ordered and not answers.asked.ordered:
            continue
        values = resamples.over(partial(score.of, answers))
        found[score.name] = score_estimate(score, values, resamples) if np.isfinite(values[0]) else None
    return found


def score_estimate(score: FurtherScore, values: Reals, resamples: Resamples) -> Estimate:
    """A score with its interval, from its value on the sample and in every replicate, (B + 1,)."""
    value, replicates, units = float(values[0]), values[1:], resamples.units
    if varies(replicates):
        factor = resamples.few.factor(replicates)
        moved = recentred(value, replicates) if score.biased else replicates
        low, high = percentile_interval(spread(value, moved, factor), value)
        method = f"{resamples.method}{spread_words(factor)}"
    else:
        reach = unseen(len(units)) * (score.ends[1] - score.ends[0])
        low, high = value - reach, value + reach
        method = f"Wilson on {len(units)} {'patients' if units.patients else 'images'} (the bootstrap does not vary)"
    low, high = max(low, score.ends[0]), min(high, score.ends[1])
    return Estimate(value, min(low, value), max(high, value), len(units.unit), method)
