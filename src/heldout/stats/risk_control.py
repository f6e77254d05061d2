"""Is a rate at most α, with a stated confidence, judged on patients: p values, and thresholds tested in a fixed order.

Learn then Test (Angelopoulos, Bates, Candès, Jordan & Lei 2021): for each candidate threshold the hypothesis "its rate
exceeds α" is tested; thresholds whose hypothesis is rejected are safe. Tested in an order that was fixed on other
images, until one is not rejected, all of them together err with the chance δ at most (fixed-sequence testing, their
proposition 4).

Which rate. A new patient of the population is drawn, and one of their images at random; the rate is the chance of a
loss, given that the image is answered. So every patient counts the same, however many images they have. Patients are
independent of each other, images of a patient need not be: the unit of every test is the patient. For a patient let
u = mean over their images of (the loss where it is answered, α where it is not); then the rate exceeds α exactly if the
mean of u exceeds α, and u lies in [0, 1]. Patients none of whose images are answered have u = α, and say nothing.

Where every patient has one image, losses of answered images are a binomial number, and the test is exact. Else u is
judged by betting against the hypothesis (Waudby-Smith & Ramdas 2024; Bates et al. 2021, proposition 5), which is valid
for any distribution of u and gains from means of images that vary less than single images do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from heldout.stats.scores import Indices, Reals

Mask = NDArray[np.bool_]

ROUNDING = 1e-9
"""A p value that exceeds its level by a smaller part of it does not."""


@dataclass(frozen=True)
class Patients:
    """The patients of some images, in the order in which their losses are bet on.

    Attributes:
        unit: (n,) number of the patient of each image, 0 … u − 1, in a random order that no loss decides.
        images: (u,) images of each.
    """

    unit: Indices
    images: Indices

    @classmethod
    def of(cls, units: Indices, seed: int) -> Patients:
        """Number patients in a random order.

        Args:
            units: (n,) patient of each image, any numbers.
            seed: Of the order.
        """
        known, unit = np.unique(units, return_inverse=True)
        place = np.random.default_rng(seed).permutation(len(known))
        return cls(place[unit].astype(np.int64), np.bincount(place[unit], minlength=len(known)).astype(np.int64))

    def __len__(self) -> int:
        return len(self.images)

    @property
    def single(self) -> bool:
        """Whether each has one image."""
        return bool((self.images == 1).all())

    def means(self, values: Reals | Mask) -> Reals:
        """(u,) mean over the images of each patient."""
        sums = np.bincount(self.unit, weights=values.astype(np.float64), minlength=len(self))
        found: Reals = sums / self.images
        return found


def p_value(patients: Patients, loss: Mask, answered: Mask, alpha: float, level: float) -> float:
    """P of the hypothesis that the rate of losses among answered images of a new patient exceeds `alpha`.

    Args:
        patients: Of n images.
        loss: (n,) whether answering the image is a loss.
        answered: (n,) whether it is answered.
        alpha: The rate, in (0, 1).
        level: The level at which it will be judged; bets are sized for it, the p value is valid whatever it is.

    >>> one_each = Patients.of(np.arange(100), 0)
    >>> round(p_value(one_each, np.zeros(100, bool), np.ones(100, bool), 0.05, 0.1), 4)  # 0.95 ** 100
    0.0059
    """
    if patients.single:
        return float(binom.cdf(int((loss & answered).sum()), int(answered.sum()), alpha))
    some = np.bincount(patients.unit, weights=answered, minlength=len(patients)) > 0
    means = patients.means(np.where(answered, loss.astype(np.float64), alpha))
    return betting_p(means[some], alpha, level)


def betting_p(values: Reals, alpha: float, level: float) -> float:
    """P of the hypothesis that independent values in [0, 1] have a mean above `alpha`, by betting that it is lower.

    Capital starts at 1 and is multiplied by 1 − λ_t (x_t − α) at each value, λ_t decided by earlier values alone; under
    the hypothesis it ever exceeds 1/p with the chance p at most (Ville 1939).

    Args:
        values: (m,) in an order that they do not decide.
        alpha: The mean.
        level: Bets are sized as for a test at this level (Waudby-Smith & Ramdas 2024, eq. 26).
    """
    m = len(values)
    if not m:
        return 1.0
    t = np.arange(1, m + 1)
    mean = (0.5 + np.cumsum(values)) / (1 + t)
    variance = (0.25 + np.cumsum((values - mean) ** 2)) / (1 + t)
    before = np.concatenate([[0.25], variance[:-1]])
    stakes = np.minimum(1 / (1 - alpha), np.sqrt(2 * np.log(1 / level) / (m * before)))
    with np.errstate(divide="ignore"):  # all may be lost at once
        capital = np.cumsum(np.log(np.maximum(1 - stakes * (values - alpha), 0.0)))
    return float(np.exp(-max(float(capital.max()), 0.0)))


def needed(alpha: float, level: float) -> int:
    """Patients of one image each that are needed at least, all answered and without any loss, for p ≤ level.

    >>> needed(0.05, 0.1), needed(0.05, 0.1 / 12)
    (45, 94)
    """
    return int(np.ceil(np.log(level) / np.log(1 - alpha) - ROUNDING))


def reaches(p: float, level: float) -> bool:
    """Whether a p value is at or below its level."""
    return p <= level * (1 + ROUNDING)


def in_order(
    patients: Patients, losses: Iterator[tuple[Mask, Mask]] | Sequence[tuple[Mask, Mask]], alpha: float, level: float
) -> list[float]:
    """P values of thresholds in their order, up to the first that is not rejected, which is the last.

    Args:
        patients: Of n images.
        losses: For each threshold which images are a loss and which are answered, (n,) each.
        alpha: The rate.
        level: δ.
    """
    found: list[float] = []
    for loss, answered in losses:
        found.append(p_value(patients, loss, answered, alpha, level))
        if not reaches(found[-1], level):
            break
    return found
