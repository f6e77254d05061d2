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
    safe, k = _rejected(found, level), control.probabilities.shape[1]
    values = (float(thresholds[safe - 1]),) * k if safe else None
    return Threshold(wanted, values, _last_rejected(found, level), len(found))


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
    first, second = (np.ones(len(side.labels), dtype=bool) for side in (fitting, control))
    value, found = _set_threshold(wanted, (fitting, first), (control, second), level)
    k = control.probabilities.shape[1]
    return Threshold(wanted, (value,) * k, _last_rejected(found, level), len(found))


def _choose_by_class(wanted: Wanted, fitting: Answered, control: Answered, level: float) -> Threshold:
    """Every class judged on its own images, at a level of δ/k: then all hold at once (Bonferroni)."""
    k = control.probabilities.shape[1]
    values, ps, tried = np.zeros(k), list[float](), 0
    for c in range(k):
        first, second = fitting.labels == c, control.labels == c
        if not first.any() or not second.any():
            continue
        values[c], found = _set_threshold(wanted, (fitting, first), (control, second), level / k)
        p, tried = _last_rejected(found, level / k), tried + len(found)
        ps += [] if p is None else [p]
    return Threshold(wanted, tuple(map(float, values)), max(ps, default=None), tried)


def _set_threshold(
    wanted: Wanted, fitting: tuple[Answered, Mask], control: tuple[Answered, Mask], level: float
) -> tuple[float, list[float]]:
    """The largest safe threshold of sets, with the p values of those that were tested.

    The rate is that of a random patient's random image, given that it is among some of the images. So a patient counts
    by the share of their images that are among them: were all others left out, a patient with one image of a rare class
    would count as one with ten, and another rate than the promised one would be tested.

    Args:
        wanted: The rate.
        fitting: Images that fix the candidates, and which of them do.
        control: All images of all patients that test them, and which are among those that the rate is of.
        level: δ.
    """
    (side, among), own = control, _own(control[0])
    thresholds = _set_thresholds(*fitting, wanted.alpha)
    asked = [((own < t) & (side.predicted != side.labels), among) for t in thresholds]
    found = in_order(side.patients, asked, wanted.alpha, level)
    safe = _rejected(found, level)
    return (float(thresholds[safe - 1]) if safe else 0.0), found  # all classes miss nothing, whatever was rejected


def _rejected(found: Sequence[float], level: float) -> int:
    """How many hypotheses were rejected before the first that was not."""
    return sum(reaches(p, level) for p in found)


def _last_rejected(found: Sequence[float], level: float) -> float | None:
    safe = _rejected(found, level)
    return found[safe - 1] if safe else None


def _set_thresholds(fitting: Answered, among: Mask, alpha: float) -> Reals:
    """0, and probabilities of the true class that up to 2α of some fitting images lie below, ascending."""
    missable = np.where(fitting.predicted == fitting.labels, 1.0, _own(fitting))[among]  # the likeliest is never missed
    shares = np.minimum(2 * alpha * np.arange(1, STEPS + 1) / STEPS, 1.0)
    found: Reals = np.unique(np.append(0.0, np.quantile(missable, shares, method="lower")))
    return found


def _own(side: Answered) -> Reals:
    """(n,) probability of the true class."""
    found: Reals = side.probabilities[np.arange(len(side.labels)), side.labels]
    return found
