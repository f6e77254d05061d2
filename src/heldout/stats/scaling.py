"""Probabilities made to mean what they say: temperature and vector scaling of logits (Guo et al. 2017, §4.2).

Temperature scaling divides all logits by one number T: the order of classes stays, so that no answer changes. Vector
scaling gives each class a factor and a shift of its own, and may change answers. Both are fitted by maximum likelihood
with a weak prior, without which T would be 0 wherever every image is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import t as student

from heldout.records import Estimate
from heldout.records.calibration import ScalingKind
from heldout.stats.scores import Indices, Reals, softmax
from heldout.stats.thresholds import folds_of

PRIOR_FACTOR = float(np.log(4))
"""Standard deviation of the logarithm of T, and of each class's factor, before any image is seen: a network is off by a
factor of 1.5 to 3 (Guo et al. 2017, table 1 and §4), so that 4 is wide; of 100 images it moves T by less than 1 %
(tests/stats/test_scaling.py)."""

PRIOR_SHIFT = 2.0
"""Standard deviation of each class's shift, nats: odds changed sevenfold."""

FOLDS = 5
"""Folds by patient in which a scaling is fitted on some and judged on others."""


@dataclass(frozen=True)
class Scaling:
    """Logits z become factors * z + shifts, class by class.

    Attributes:
        kind: How it was fitted.
        factors: (k,), above 0; of temperature scaling all 1/T.
        shifts: (k,), nats; of temperature scaling all 0.
    """

    kind: ScalingKind
    factors: tuple[float, ...]
    shifts: tuple[float, ...]

    @property
    def temperature(self) -> float:
        """T of temperature scaling; of vector scaling 1 over the geometric mean of the factors."""
        return float(np.exp(-np.mean(np.log(self.factors))))

    def of(self, logits: Reals) -> Reals:
        """(n, k) scaled logits."""
        scaled: Reals = np.asarray(logits, dtype=np.float64) * np.array(self.factors) + np.array(self.shifts)
        return scaled

    def probabilities(self, logits: Reals) -> Reals:
        """(n, k), rows sum to 1."""
        return softmax(self.of(logits))


def fit_scaling(kind: ScalingKind, labels: Indices, logits: Reals) -> Scaling:
    """The scaling under which the labels are most probable.

    Args:
        kind: `temperature` or `vector`.
        labels: (n,) class indices, n ≥ 1.
        logits: (n, k), finite.

    >>> fit_scaling("temperature", np.array([0, 1] * 50), np.array([[6.0, 0.0], [6.0, 0.0]] * 50)).temperature > 4
    True

    Raises:
        ValueError: No image, or logits that are not finite.
    """
    if not len(labels) or not np.isfinite(logits).all():
        raise ValueError(f"expected one image or more with finite logits, found {len(labels)}")
    k = logits.shape[1]
    exact = np.asarray(logits, dtype=np.float64)
    given = np.eye(k)[labels]  # (n, k)
    vector = kind == "vector"

    def loss(theta: Reals) -> tuple[float, Reals]:
        """Negative log posterior and its gradient, of log factors and, of vector scaling, shifts."""
        factors = np.exp(theta[:k] if vector else np.repeat(theta[0], k))
        scaled = exact * factors + (theta[k:] if vector else 0.0)
        off = softmax(scaled) - given  # (n, k) derivative by the scaled logits
        each = (off * exact).sum(axis=0) * factors  # (k,) derivative by the log factors
        value = float((logsumexp(scaled, axis=1) - (scaled * given).sum(axis=1)).sum())
        slope = np.concatenate([each, off.sum(axis=0)]) if vector else np.array([each.sum()])
        return value + 0.5 * float(((theta / width) ** 2).sum()), slope + theta / width**2

    width = np.repeat([PRIOR_FACTOR, PRIOR_SHIFT], k) if vector else np.array([PRIOR_FACTOR])
    found = minimize(loss, np.zeros(len(width)), jac=True, method="L-BFGS-B").x
    factors = np.exp(found[:k]) if vector else np.repeat(np.exp(found[0]), k)
    shifts = found[k:] if vector else np.zeros(k)
    return Scaling(kind, tuple(map(float, factors)), tuple(map(float, shifts)))


def temperature_estimate(labels: Indices, logits: Reals, units: Indices) -> Estimate:
    """The fitted temperature with an interval that takes the images of a patient as one (Liang & Zeger 1986).

    The logarithm of T is the root of a sum of one score a patient; its variance is the sum of their squares over the
    squared slope (the sandwich), with Student's t of patients − 1 for the ends. It is no narrower than if all images
    were independent, which is what is known where every image is right and the prior alone says where T is.

    Args:
        labels: (n,) class indices.
        logits: (n, k), finite.
        units: (n,) patient of each image; two or more.

    Raises:
        ValueError: As `fit_scaling`, or a single patient.
    """
    patients = np.unique(units, return_inverse=True)[1]
    m = int(patients.max(initial=-1)) + 1
    if m < 2:
        raise ValueError(f"expected two patients or more, found {m}")
    t = fit_scaling("temperature", labels, logits).temperature
    scaled = np.asarray(logits, dtype=np.float64) / t
    probabilities = softmax(scaled)
    mean = (probabilities * scaled).sum(axis=1)  # (n,)
    scores = mean - scaled[np.arange(len(labels)), labels]  # (n,) derivative of the log loss by log 1/T
    varies = (probabilities * scaled**2).sum(axis=1) - mean**2  # (n,)
    slope = float(varies.sum()) + 1 / PRIOR_FACTOR**2  # expected information, and the prior's
    own = np.bincount(patients, weights=scores, minlength=m)
    error = max(float(np.sqrt(m / (m - 1) * (own**2).sum())) / slope, slope**-0.5)
    reach = float(np.exp(student.ppf(0.975, m - 1) * error))
    return Estimate(t, t / reach, t * reach, len(labels), f"sandwich over {m} units, Student's t")


def cross_fitted(kind: ScalingKind, labels: Indices, logits: Reals, units: Indices, seed: int) -> Reals:
    """(n, k) scaled logits, each image by a scaling that has not seen its patient.

    Args:
        kind: Of scaling.
        labels: (n,).
        logits: (n, k).
        units: (n,) patient of each image.
        seed: Of the folds.

    Raises:
        ValueError: Fewer than two patients.
    """
    patients = len(np.unique(units))
    if patients < 2:
        raise ValueError(f"expected two patients or more, found {patients}")
    fold = folds_of(units, labels, min(FOLDS, patients), seed)
    scaled = np.empty(logits.shape)
    for number in np.unique(fold):
        inside, outside = fold != number, fold == number
        scaled[outside] = fit_scaling(kind, labels[inside], logits[inside]).of(logits[outside])
    return scaled
