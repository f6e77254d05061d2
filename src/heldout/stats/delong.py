"""Two runs' areas under the ROC curve on the same images, patients as units: DeLong's test, clustered.

An area is a mean over pairs of a positive and a negative image. To first order it is a sum of what each image has to do
with it, its structural component: of a positive image the share of negatives that score lower, of a negative one the
share of positives that score higher (Sen 1960; DeLong, DeLong & Clarke-Pearson 1988). Where a patient has several
images, their components are summed before they are squared (Obuchowski, Biometrics 1997), also across classes.

Shapes: n images, u units, k classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from heldout.stats.scores import Indices, Reals, auc_problems
from heldout.stats.units import Units
from heldout.ties import midranks


@dataclass(frozen=True, eq=False)
class Area:
    """An area under the curve, with what each image has to do with it.

    Attributes:
        value: The area, as `scores.auc` has it: of two classes, or the mean over classes one against the rest.
        parts: (n,) structural component of each image over the number of images that are averaged with it, summed over
            the questions in which it stands. Those of a positive and of a negative image both grow with the area.
    """

    value: float
    parts: Reals


def area_of(labels: Indices, logits: Reals) -> Area | None:
    """The area and its components, by ranks in O(n log n) (Sun & Xu 2014); None when a class is absent.

    Args:
        labels: (n,) class indices.
        logits: (n, k).
    """
    problems = auc_problems(labels, logits)
    parts, value = np.zeros(len(labels)), 0.0
    for positive, score in problems:
        if positive.all() or not positive.any():
            return None
        components = _components(positive, score)
        of_positives = float(components[positive].mean())
        parts += np.where(positive, components / positive.sum(), components / (~positive).sum()) / len(problems)
        value += of_positives / len(problems)
    return Area(value, parts)


def _components(positive: NDArray[np.bool_], score: Reals) -> Reals:
    """Of each image the share of the other kind that it is ordered rightly with, a tie counting half, (n,)."""
    among_all = midranks(score)
    among_own = np.empty(len(score))
    for own in (positive, ~positive):
        among_own[own] = midranks(score[own])
    beaten = among_all - among_own  # images of the other kind that score lower, a tie counting half
    positives, negatives = int(positive.sum()), int((~positive).sum())
    components: Reals = np.where(positive, beaten / negatives, 1 - beaten / positives)
    return components


@dataclass(frozen=True)
class AreaDifference:
    """The area of one run minus that of another.

    Attributes:
        value: In units of the area, −1 … 1.
        error: Standard error; 0 where no image tells the two apart, or all do alike.
        df: Degrees of freedom of the error.
    """

    value: float
    error: float
    df: float

    @property
    def quantile(self) -> float:
        """Of Student's t, so many errors to each side hold 95 %."""
        return float(stdtrit(self.df, 0.975))

    @property
    def p(self) -> float:
        """Two-sided p that both areas are the same; 1 where the error is 0, since nothing is then known of it."""
        return 1.0 if self.error == 0 else float(2 * stdtr(self.df, -abs(self.value) / self.error))


def difference_of(a: Area, b: Area, labels: Indices, units: Units) -> AreaDifference | None:
    """The difference of two areas on the same images.

    Args:
        a: Of one run.
        b: Of another.
        labels: (n,) class of each image.
        units: Units of the images.

    Returns:
        None where a class has images of a single unit: how units of that class differ is then not known.
    """
    spread = spread_of(a.parts - b.parts, labels, units)
    return None if spread is None else AreaDifference(a.value - b.value, *spread)


def spread_of(parts: Reals, labels: Indices, units: Units) -> tuple[float, float] | None:
    """Standard error of an area, or of a difference of areas, from its components, and its degrees of freedom.

    E_ic is the sum over the images of class c of unit i of part − mean part of the class. The variance is

        Σ_c u_c/(u_c − 1) Σ_i E_ic²  +  Σ_{c≠d} u/(u − 1) Σ_i E_ic E_id

    with u_c the units that have images of class c. Of two classes these are Obuchowski's S10, S01 and S11; of single
    images DeLong's S10 and S01. More classes are as many samples, each of a size that was fixed: the mean of areas one
    against the rest is a sum of two-sample statistics over pairs of classes. Its components have their own mean within
    each class, since the rest is a mixture, and are centred on that. The degrees of freedom are Satterthwaite's (1946)
    of the first sum: a class of few units decides how well the error is known.

    Args:
        parts: (n,).
        labels: (n,) class of each image.
        units: Their units.

    Returns:
        None where a class has images of a single unit.
    """
    u, k = len(units), int(labels.max()) + 1
    images = np.bincount(labels, minlength=k)
    centred = parts - (np.bincount(labels, weights=parts, minlength=k) / np.maximum(images, 1))[labels]
    cell = units.unit * k + labels
    sums = np.bincount(cell, weights=centred, minlength=u * k).reshape(u, k)  # E
    members = (np.bincount(cell, minlength=u * k).reshape(u, k) > 0).sum(axis=0)[images > 0]  # u_c
    if members.min() < 2:
        return None
    squares = (sums**2).sum(axis=0)[images > 0]
    within = squares * members / (members - 1)
    across = (float((sums.sum(axis=1) ** 2).sum()) - float(squares.sum())) * u / (u - 1)
    total = float(within.sum())
    if total + across < 1e-24:  # components that are equal on paper differ by 1e-16
        return 0.0, float(members.min() - 1)
    df = total**2 / float((within**2 / (members - 1)).sum())
    return float(np.sqrt(total + across)), df
