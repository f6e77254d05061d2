"""When a classifier answers and when it does not: thresholds on its probabilities, chosen so that a rate is controlled.

Two parts of the images, no patient in both. On the first (fitting) the candidate thresholds and their order are fixed;
on the second (control) they are tested in that order (`risk_control`). Whatever comes of it, nothing that the tests
rest on was chosen by their own images.

- `error`, `ppv`, `npv`: an image is answered where the largest probability reaches t. Thresholds go from strict to
  lax, and begin where the fitting part says that p will be smallest: a stricter one answers too few to show anything.
- `sets`, `class-sets`: the answer is the set of classes whose probability reaches t, and the likeliest class in any
  case. Thresholds go from 0 (all classes, never a miss) up. Of `class-sets` each class has a threshold of its own, and
  a class with too few patients stays in every set (Vovk 2012, Mondrian conformal predictors).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from heldout.records.calibration import RuleKind
from heldout.stats.risk_control import Mask, Patients, in_order, p_value, reaches
from heldout.stats.scores import Indices, Reals
from heldout.ties import first_of_largest

SET_KINDS: tuple[RuleKind, ...] = ("sets", "class-sets")

STEPS = 40
"""Candidate thresholds: each answers another fortieth of the images, so that what lies between two is 2.5 points of
coverage."""


@dataclass(frozen=True, eq=False)
class Answered:
    """Images of one part with calibrated probabilities.

    Attributes:
        labels: (n,) class indices.
        probabilities: (n, k).
        patients: Of the images.
    """

    labels: Indices
    probabilities: Reals
    patients: Patients

    @cached_property
    def predicted(self) -> Indices:
        """(n,) likeliest class."""
        return first_of_largest(self.probabilities, axis=1)

    def take(self, rows: Mask) -> Answered:
        """Some of the images, their patients in the same order."""
        _, unit = np.unique(self.patients.unit[rows], return_inverse=True)
        patients = Patients(unit.astype(np.int64), np.bincount(unit).astype(np.int64))
        return Answered(self.labels[rows], self.probabilities[rows], patients)


@dataclass(frozen=True)
class Wanted:
    """One rate that is to be controlled.

    Attributes:
        kind: Which.
        level: As it was asked for: an error at most, a predictive value or a coverage of sets at least.
    """

    kind: RuleKind
    level: float

    @property
    def alpha(self) -> float:
        """The rate of losses that is allowed."""
        return self.level if self.kind == "error" else 1 - self.level


@dataclass(frozen=True)
class Threshold:
    """What came of the tests of one rate.

    Attributes:
        wanted: The rate.
        values: (k,) probability from which on a class is answered, or is in the set; None where none is safe.
        p: Of the last hypothesis that was rejected; None where none was, or, of sets, where none had to be.
        tried: Number of hypotheses that were tested.
    """

    wanted: Wanted
    values: tuple[float, ...] | None
    p: float | None
    tried: int


def answer_scores(kind: RuleKind, probabilities: Reals, positive: int) -> Reals:
    """(n,) the largest probability of each image; minus infinity where a rule of answering never answers.

    Args:
        kind: `error`, `ppv` or `npv`.
        probabilities: (n, k).
        positive: Class that `ppv` is of; `npv` is of all others.
    """
    sure: Reals = probabilities.max(axis=1)
    if kind == "error":
        return sure
    called = first_of_largest(probabilities, axis=1) == positive
    found: Reals = np.where(called if kind == "ppv" else ~called, sure, -np.inf)
    return found


def answer_mask(kind: RuleKind, probabilities: Reals, threshold: float, positive: int) -> Mask:
    """(n,) which images a rule of answering answers at a threshold; arguments as those of `answer_scores`."""
    found: Mask = answer_scores(kind, probabilities, positive) >= threshold
    return found


def set_mask(probabilities: Reals, thresholds: Sequence[float] | Reals) -> Mask:
    """(n, k) which classes are in the set of each image: those that reach their threshold, and the likeliest."""
    inside: Mask = probabilities >= np.asarray(thresholds)
    inside[np.arange(len(probabilities)), first_of_largest(probabilities, axis=1)] = True
    return inside


def choose(wanted: Wanted, fitting: Answered, control: Answered, level: float, positive: int = 1) -> Threshold:
    """The laxest threshold whose rate is controlled with the confidence 1 − `level`.

    Args:
        wanted: The rate.
        fitting: Images that fix candidates and their order.
        control: Images of other patients, by which they are tested.
        level: δ of this rate.
        positive: Class that predictive values are of.
    """
    if wanted.kind == "sets":
        return _choose_sets(wanted, fitting, control, level)
    if wanted.kind == "class-sets":
        return _choose_by_class(wanted, fitting, control, level)
    thresholds = candidates(wanted, fitting, level, positive)
    wrong, scores = control.predicted != control.labels, answer_scores(wanted.kind, control.probabilities, positive)
    asked = [(wrong, scores >= t) for t in thresholds]
    found = in_order(control.patients, asked, wanted.alpha, level)
    safe = sum(reaches(p, level) for p in found)
    k = control.probabilities.shape[1]
    return Threshold(
        wanted, (float(thresholds[safe - 1]),) * k if safe else None, found[safe - 1] if safe else None, len(found)
    )


def candidates(wanted: Wanted, fitting: Answered, level: float, positive: int = 1) -> Reals:
    """Thresholds of a rule of answering from strict to lax, beginning where p is smallest on the fitting part."""
    scores = answer_scores(wanted.kind, fitting.probabilities, positive)
    sure = np.sort(scores[np.isfinite(scores)])[::-1]
    if not len(sure):
        return np.zeros(1)
    last = np.ceil(len(sure) * np.arange(1, STEPS + 1) / STEPS).astype(int) - 1
    thresholds = np.unique(np.append(sure[last][:-1], 0.0))[::-1]
    wrong = fitting.predicted != fitting.labels
    each = [p_value(fitting.patients, wrong, scores >= t, wanted.alpha, level) for t in thresholds]
    found: Reals = thresholds[int(np.argmin(each)) :]
    return found


def _choose_sets(wanted: Wanted, fitting: Answered, control: Answered, level: float) -> Threshold:
    thresholds = _set_thresholds(fitting, wanted.alpha)
    everything = np.ones(len(control.labels), dtype=bool)
    own = _own(control)
    asked = [((own < t) & (control.predicted != control.labels), everything) for t in thresholds]
    found = in_order(control.patients, asked, wanted.alpha, level)
    safe = sum(reaches(p, level) for p in found)
    value = float(thresholds[safe - 1]) if safe else 0.0  # all classes miss nothing, whatever was rejected
    k = control.probabilities.shape[1]
    return Threshold(wanted, (value,) * k, found[safe - 1] if safe else None, len(found))


def _choose_by_class(wanted: Wanted, fitting: Answered, control: Answered, level: float) -> Threshold:
    """Every class judged on its own images, at a level of δ/k: then all hold at once (Bonferroni)."""
    k = control.probabilities.shape[1]
    values, ps, tried = np.zeros(k), [], 0
    for c in range(k):
        first, second = fitting.labels == c, control.labels == c
        if not first.any() or not second.any():
            continue
        one = _choose_sets(wanted, fitting.take(first), control.take(second), level / k)
        assert one.values is not None
        values[c], tried = one.values[c], tried + one.tried
        ps += [] if one.p is None else [one.p]
    return Threshold(wanted, tuple(map(float, values)), max(ps, default=None), tried)


def _set_thresholds(fitting: Answered, alpha: float) -> Reals:
    """0, and probabilities of the true class that up to 2α of the fitting images lie below, ascending."""
    missable = np.where(fitting.predicted == fitting.labels, 1.0, _own(fitting))  # the likeliest is never missed
    shares = np.minimum(2 * alpha * np.arange(1, STEPS + 1) / STEPS, 1.0)
    found: Reals = np.unique(np.append(0.0, np.quantile(missable, shares, method="lower")))
    return found


def _own(side: Answered) -> Reals:
    """(n,) probability of the true class."""
    found: Reals = side.probabilities[np.arange(len(side.labels)), side.labels]
    return found
