"""Do two sets of images differ in appearance, and by how much: a domain classifier, held against its null.

A classifier learns to tell source images (P) from target images (Q). Asked of images of patients it has not seen, its
AUC is .5 where the two sets do not differ and 1 where no image of one could be of the other. What AUC chance alone
gives is not .5 exactly: it depends on the number of images and patients. So train is split at random, by patient, into
two sets of the same sizes, and the same classifier is asked to tell them apart; the shift is real only where the AUC
exceeds those.

`groups` are names of patients; equal names are one patient, also across P and Q, and an image with an empty name is a
patient of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn import config_context
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from heldout.stats.ridge import ridge_log_odds
from heldout.stats.scores import Indices, Reals, auc_binary
from heldout.stats.thresholds import folds_of
from heldout.ties import SAME, SAME_LOSS, first_of_largest, settled

FOLDS = 5
INNER_FOLDS = 3

COMPONENTS = 50
"""Principal components that stand for features wider than that; fewer where there are few images (a fifth of them)."""

PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""Inverse strengths of the ridge penalty among which each fit chooses (scikit-learn's C), on unit-variance inputs."""

NULL_DRAWS = 20

BOUND = 1e-6
"""Probabilities are kept this far from 0 and 1."""

Features = NDArray[np.float32] | Reals


def unit_numbers(*groups: Sequence[str]) -> list[Indices]:
    """Numbers of patients for several sets at once: equal names get equal numbers, an empty name one of its own.

    Args:
        groups: Names, one sequence a set.

    Returns:
        One array a set.

    >>> [numbers.tolist() for numbers in unit_numbers(["b", "a", "b"], ["a", "", ""])]
    [[1, 0, 1], [0, 2, 3]]
    """
    names = np.array([name for group in groups for name in group], dtype=str)
    known = names != ""
    numbers = np.empty(len(names), dtype=np.int64)
    numbers[known] = np.unique(names[known], return_inverse=True)[1] if known.any() else 0
    numbers[~known] = numbers[known].max(initial=-1) + 1 + np.arange(int((~known).sum()))
    return np.split(numbers, np.cumsum([len(group) for group in groups])[:-1])


def domain_probabilities(
    P: Features, Q: Features, groups_P: Sequence[str], groups_Q: Sequence[str], seed: int = 0
) -> tuple[Reals, Reals]:
    """π(x) = P(target | x) of every image, from a classifier that has not seen its patient.

    Logistic regression with a ridge penalty on standardised features; features wider than `COMPONENTS` are first
    reduced to whitened principal components, fitted inside each fold; the strength of the penalty is chosen inside each
    fold by log-loss on patients left out. The probabilities are those at the two sets' own sizes.

    Args:
        P: (n_P, d) features of the source images.
        Q: (n_Q, d) features of the target images.
        groups_P: (n_P,) patient of each source image.
        groups_Q: (n_Q,) patient of each target image.
        seed: Seed of the folds.

    Returns:
        (n_P,) and (n_Q,), in (0, 1).

    Raises:
        ValueError: Shapes that do not fit, values that are not finite, or fewer than two patients on a side.
    """
    units_P, units_Q = _checked(P, Q, groups_P, groups_Q)
    X = np.concatenate([P, Q], dtype=np.float64)
    target = np.repeat([0, 1], [len(P), len(Q)]).astype(np.int64)
    # The matrices are small: threads would only wait for each other, and scikit-learn would check what was checked here
    # for as long as it fits.
    with threadpool_limits(limits=1), config_context(assume_finite=True, skip_parameter_validation=True):
        pi = _cross_fitted(X, target, np.concatenate([units_P, units_Q]), seed)
    return pi[: len(P)], pi[len(P) :]


def _checked(P: Features, Q: Features, groups_P: Sequence[str], groups_Q: Sequence[str]) -> tuple[Indices, Indices]:
    if P.ndim != 2 or Q.ndim != 2 or P.shape[1] != Q.shape[1] or not P.shape[1]:
        raise ValueError(f"expected (n_P, d) and (n_Q, d) features, found shapes {P.shape} and {Q.shape}")
    if len(groups_P) != len(P) or len(groups_Q) != len(Q):
        raise ValueError(f"expected {len(P)} and {len(Q)} patients, found {len(groups_P)} and {len(groups_Q)}")
    if not (np.isfinite(P).all() and np.isfinite(Q).all()):
        raise ValueError("expected finite features, found NaN or infinite values")
    units_P, units_Q = unit_numbers(groups_P, groups_Q)
    patients = len(np.unique(units_P)), len(np.unique(units_Q))
    if min(patients) < 2:
        raise ValueError(f"expected two or more patients on each side, found {patients[0]} and {patients[1]}")
    return units_P, units_Q


def _cross_fitted(X: Reals, target: Indices, units: Indices, seed: int) -> Reals:
    fold = _folds(units, target, FOLDS, seed)
    pi = np.empty(len(X))
    for k in np.unique(fold):
        inside, outside = fold != k, fold == k
        pi[outside] = _fit_and_apply(X[inside], target[inside], units[inside], X[outside], seed)
    bounded: Reals = np.clip(pi, BOUND, 1 - BOUND)
    return bounded


def _folds(units: Indices, target: Indices, folds: int, seed: int) -> Indices:
    """Folds by patient, source and target spread evenly: at most as many as the side with fewer patients has."""
    fewest = min(len(np.unique(units[target == side])) for side in (0, 1))
    return folds_of(units, target, min(folds, fewest), seed)


def _fit_and_apply(X: Reals, target: Indices, units: Indices, new: Reals, seed: int) -> Reals:
    """Reduce, standardise, choose the penalty, fit, apply: nothing of `new` is seen before the end."""
    if len(np.unique(target)) < 2:  # a patient that stands on both sides took the rest of one with them
        return np.full(len(new), target.mean())
    X, new = _reduced(X, new, seed)
    fold = _folds(units, target, INNER_FOLDS, seed + 1)
    losses = np.zeros(len(PENALTIES))
    for k in np.unique(fold):
        inside, outside = fold != k, fold == k
        if len(np.unique(target[inside])) < 2:
            continue
        odds = ridge_log_odds(X[inside], target[inside], X[outside], PENALTIES)  # (penalties, m)
        losses += np.logaddexp(0, np.where(target[outside] == 1, -odds, odds)).sum(axis=1)
    tolerance = SAME_LOSS * len(X)
    best = PENALTIES[int(first_of_largest(-losses, tolerance=tolerance))]  # of equals the strongest penalty
    probabilities: Reals = expit(ridge_log_odds(X, target, new, (best,))[0])
    return probabilities


def _reduced(X: Reals, new: Reals, seed: int) -> tuple[Reals, Reals]:
    """Standardised columns; where there are many, the leading principal components of these, at unit variance."""
    mean, spread = X.mean(axis=0), X.std(axis=0)
    scale = np.where(spread > 1e-12, spread, 1)
    X, new = X - mean, new - mean
    X /= scale
    new /= scale
    components = min(COMPONENTS, max(2, len(X) // 5))
    if X.shape[1] <= components:
        return X, new
    # In float64: the ranks of what is fitted on these decide verdicts, and float32 products differ between processors.
    _, _, axes = randomized_svd(X, components, n_iter=2, random_state=seed)
    X, new = X @ axes.T, new @ axes.T
    spread = X.std(axis=0)
    scale = np.where(spread > 1e-12, spread, 1)
    return X / scale, new / scale


def domain_auc(pi_P: Reals, pi_Q: Reals) -> float:
    """Probability that a random target image looks more like target than a random source image does; ties count half.

    Args:
        pi_P: (n_P,) of `domain_probabilities`.
        pi_Q: (n_Q,) likewise.

    >>> domain_auc(np.array([0.1, 0.4]), np.array([0.4, 0.9]))
    0.875
    """
    positive = np.repeat([False, True], [len(pi_P), len(pi_Q)])
    value = auc_binary(positive, np.concatenate([pi_P, pi_Q]))
    if value is None:
        raise ValueError("expected images on both sides, found none on one")
    return value


def null_domain_aucs(
    train: Features, groups: Sequence[str], n_P: int, n_Q: int, seed: int = 0, draws: int = NULL_DRAWS
) -> Reals:
    """Domain AUCs where there is no shift: random patient-wise halves of one set, of the sizes of P and Q.

    Args:
        train: (n, d) features of images without a shift among them, of one class if P and Q are.
        groups: (n,) patient of each.
        n_P: Images of the source set.
        n_Q: Images of the target set. If train has fewer than n_P + n_Q, both are scaled down alike (`share_of`), which
            makes the null wider.
        seed: Seed of the draws.
        draws: Number of random halvings.

    Returns:
        (draws,) AUCs.

    Raises:
        ValueError: Fewer than four patients, or sizes below 1.
    """
    (units,) = unit_numbers(groups)
    patients = int(units.max(initial=-1)) + 1
    if patients < 4 or min(n_P, n_Q) < 1:
        raise ValueError(f"expected four or more patients and sizes above 0, found {patients} and {n_P}, {n_Q}")
    share = share_of(len(train), n_P, n_Q)
    names = np.array([str(unit) for unit in units])
    rng = np.random.default_rng(seed)
    aucs = np.empty(draws)
    for i in range(draws):
        first, second = _halves(units, round(share * n_P), round(share * n_Q), rng)
        pi = domain_probabilities(train[first], train[second], list(names[first]), list(names[second]), seed + i)
        aucs[i] = domain_auc(*pi)
    return aucs


def share_of(n_train: int, n_P: int, n_Q: int) -> float:
    """By what the sizes of source and target are multiplied so that two disjoint sets of train can have them.

    >>> share_of(400, 500, 300)
    0.5
    """
    return min(1.0, n_train / (n_P + n_Q))


def _halves(units: Indices, n_P: int, n_Q: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Images of two disjoint random sets of patients, as near to the sizes as patients allow."""
    sizes = np.bincount(units)
    order = rng.permutation(len(sizes))
    filled = np.cumsum(sizes[order])
    cut = int(np.clip(np.abs(filled - n_P).argmin() + 1, 2, len(sizes) - 2))
    end = int(np.clip(np.abs(filled - filled[cut - 1] - n_Q).argmin() + 1, cut + 2, len(sizes)))
    place = np.empty(len(sizes), dtype=np.int64)
    place[order] = np.arange(len(sizes))
    of_image = place[units]
    return np.flatnonzero(of_image < cut), np.flatnonzero((of_image >= cut) & (of_image < end))


@dataclass(frozen=True)
class DomainShift:
    """Whether two sets differ, held against chance.

    Attributes:
        auc: Domain AUC of source against target.
        null: (draws,) AUCs without a shift.
        share: Size of the sets behind the null relative to those behind the AUC, at most 1.
        p: Share of the null at or above the AUC, (1 + count)/(1 + draws): at best 1/(1 + draws).
        excess: AUC minus the mean of the null.
    """

    auc: float
    null: Reals
    share: float = 1.0

    @property
    def p(self) -> float:
        """One-sided permutation p-value (Phipson & Smyth 2010)."""
        return (1 + int((self.null >= self.auc - SAME).sum())) / (1 + len(self.null))

    @property
    def excess(self) -> float:
        """AUC above what chance gives."""
        return self.auc - float(self.null.mean())

    def real(self, deviations: float) -> bool:
        """Whether the AUC lies above all of the null, and above its mean by so many standard deviations.

        The variance of an AUC falls with the number of images (Hanley & McNeil 1982), so that of sets as large as those
        behind the AUC is `share` times that of the null.
        """
        spread = float(self.null.std(ddof=1)) * self.share**0.5
        return settled(self.auc - float(self.null.max())) > 0 and settled(self.excess - deviations * spread) > 0
