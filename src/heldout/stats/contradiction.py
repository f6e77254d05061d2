"""Labels that several models contradict surely and alike: how many more there are than sureness leaves room for.

A model that is unsure errs often, and one that is sure seldom: its error falls with its sureness. Hard images are
answered unsurely, so that a set of them has more images at low sureness; the error at a given sureness stays about
what it was. A label that was turned round is contradicted as surely as its image would else have been confirmed: the
error then no longer falls to 0, however sure the models are. So the error is fitted as a curve of sureness t with a
floor,

    P(label ≠ answer | t) = ε + (1 − c ε) e(t),   e(t) = 1 / (1 + exp(β t − α)),   c = K / (K − 1),

ε being the share of turned labels and e(t) the error without them. It is the psychometric function with its lapse rate
(Wichmann & Hill 2001); a turned label goes to any of the K − 1 other classes alike. Hard images move α and β, turned
labels ε. The fit is one of maximum likelihood over a grid, on counts in bins of sureness, so that it can be made for
every replicate of a bootstrap at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from heldout.stats.scores import Indices, Reals, log_loss
from heldout.stats.weighted import class_sums, shares, weighted_sums
from heldout.stats.weights import Weights
from heldout.ties import first_of_largest

BINS = 24
"""Bins of sureness, with as many images each: the curve is smooth, and more of them change nothing."""

OFFSETS = np.linspace(-2.0, 1.5, 8)
"""Values of α: the models' error where they agree and are not sure at all, 12 % to 82 %."""

SLOPES = 12
STEEPEST = 6.0
"""Values of β, from the least that is allowed up to a curve that is a step."""

FLOORS = np.concatenate([[0.0], np.geomspace(0.002, 0.5, 30)])
"""Values of ε; between them the likelihood's maximum is found by a parabola."""

LEAST_ERROR = 1e-4
"""No probability below this: one surely contradicted image is no infinite evidence."""

SCALES = (-4.0, 4.0)
"""Range of the logarithm of a temperature."""

STEPS = 20
"""Steps of the search for class shares; the answers are mostly right, so that a few come near."""

DIGITS = 4
"""Decimals of that logarithm, and of a sureness: the search ends where losses are equal to the last digits, which
differ from processor to processor, and an image must not change its bin for that."""


@dataclass(frozen=True)
class Joint:
    """What several models answer together.

    Attributes:
        answer: (n,) class that the first model answers.
        sureness: (n,) by how many nats the least sure of them prefers it to its second choice; 0 where they do not all
            answer alike.
    """

    answer: Indices
    sureness: Reals

    @property
    def agreed(self) -> NDArray[np.bool_]:
        """(n,) whether all models answer alike."""
        return np.asarray(self.sureness > 0)


@dataclass(frozen=True)
class Floor:
    """A fitted curve, for R weightings of the images.

    Attributes:
        rate: (R,) the floor ε.
        error: (R, b) the error e(t) in each bin, without turned labels.
        curve: (R,) place of α and β in the grid.
        counts: (R, b) weight of the images in each bin.
        classes: K.
    """

    rate: Reals
    error: Reals
    curve: Indices
    counts: Reals
    classes: int

    @property
    def excess(self) -> Reals:
        """(R, b) by how much turned labels raise the share that is contradicted, P − e."""
        among = self.classes / (self.classes - 1)
        result: Reals = self.rate[:, None] * (1 - among * self.error)
        return result

    @property
    def turned(self) -> Reals:
        """(b,) chance that a contradicted label of the sample was turned; 0 where none would be contradicted."""
        excess = np.maximum(self.excess[0], 0.0)
        every = excess + self.error[0]
        result: Reals = np.where(every > 0, excess / np.where(every > 0, every, 1.0), 0.0)
        return result


def joint_answers(models: Sequence[Reals], labels: Indices, reference: NDArray[np.bool_]) -> Joint:
    """The answer that models share, and how sure the least sure of them is.

    Each model's logits are first divided by the temperature with which they fit the reference images best (Guo et al.
    2017), so that a nat means as much for one as for the other.

    Args:
        models: Logits (n, k) of each; at least one.
        labels: (n,) class indices.
        reference: (n,) images whose labels set the temperatures; at least one.
    """
    answers, margins = [], []
    for logits in models:
        among = np.sort(logits, axis=1)
        answers.append(first_of_largest(logits))
        margins.append((among[:, -1] - among[:, -2]) * sharpness(logits[reference], labels[reference]))
    alike = np.all(np.stack(answers) == answers[0], axis=0)
    return Joint(answers[0], np.where(alike, np.round(np.min(margins, axis=0), DIGITS), 0.0))


def sharpness(logits: Reals, labels: Indices) -> float:
    """The factor on logits (n, k) that gives the least log loss: one over the temperature."""
    found = minimize_scalar(lambda log: log_loss(labels, logits * np.exp(log)), bounds=SCALES, method="bounded")
    return float(np.exp(round(float(found.x), DIGITS)))


def answered_as_often(joint: Joint, labels: Indices, is_test: NDArray[np.bool_], weights: Weights, k: int) -> Weights:
    """Factor on the validation images of each class, (B + 1, k), with which classes are answered as often as on test.

    Class shares of test by its labels would not do: turned labels change them. What the models answer does not depend
    on an image's own label; the shares behind it are found as those of any mixture (EM; Saerens et al. 2002, here on
    answers instead of probabilities).

    Args:
        joint: What the models answer, n images of both parts.
        labels: (n,) class indices.
        is_test: (n,) True for test.
        weights: (B + 1, n).
        k: Number of classes.
    """
    answered = joint.agreed
    val, test = answered & ~is_test, answered & is_test
    drawn = weights[:, test].sum(axis=1) > 0  # of few such images a draw may hold none
    target = np.full((len(weights), k), 1 / k)
    target[drawn] = shares(joint.answer[test], weights[drawn][:, test], k)
    pairs = labels[val] * k + joint.answer[val]
    counts = class_sums(np.ones(len(pairs)), pairs, weights[:, val], k * k).reshape(-1, k, k)  # (B + 1, label, answer)
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = np.nan_to_num(counts / counts.sum(axis=2, keepdims=True))
        own = counts.sum(axis=2) / counts.sum(axis=(1, 2))[:, None]
        prior = own
        for _ in range(STEPS):
            expected = np.einsum("rk,rka->ra", prior, rows)
            prior = prior * np.einsum("rka,ra->rk", rows, np.where(expected > 0, target / expected, 0.0))
            prior = prior / prior.sum(axis=1, keepdims=True)
        factor: Weights = np.where(own > 0, prior / own, 0.0).astype(np.float32)
    return factor


def bins_of(sureness: Reals) -> tuple[Indices, Reals]:
    """The bin of each image, (n,), and the mean sureness in each, (b,); equal numbers share a bin."""
    edges = np.unique(np.quantile(sureness, np.linspace(0, 1, BINS + 1)[1:-1]))
    _, bin_ = np.unique(np.searchsorted(edges, sureness - 0.1**DIGITS / 2), return_inverse=True)
    return bin_.astype(np.int64), np.bincount(bin_, sureness) / np.bincount(bin_)


def fitted_floor(
    bin_: Indices,
    mean: Reals,
    wrong: NDArray[np.bool_],
    weights: Weights,
    classes: int,
    least_slope: float,
    seed: int,
    like: Floor | None = None,
    spread: float = 1.0,
) -> Floor:
    """The curve that fits best, for many weightings of the images at once.

    Where no sure answer is contradicted the floor is 0 in every replicate, and 60 such images would seem to know as
    much as 6000. So half an image of either kind is added to the surest bin of each replicate, at random about that
    (Jeffreys' prior); the sample itself stays as it is.

    Args:
        bin_: (n,) bin of each image.
        mean: (b,) sureness of each bin.
        wrong: (n,) whether the label contradicts the answer.
        weights: (R, n); row 0 is the sample.
        classes: K.
        least_slope: The least β: a sureness that tells nothing of the error is no sureness.
        seed: Seed of what is added.
        like: The fit of other images, whose error at a given sureness is about the same; None for none.
        spread: By how much α, and the logarithm of β, differ from those of `like`: a standard deviation, in nats.
    """
    b = len(mean)
    columns = np.zeros((len(bin_), 2 * b))
    columns[np.arange(len(bin_)), bin_ + b * wrong] = 1.0
    sums = weighted_sums(columns, weights)  # (R, 2b): confirmed, contradicted
    counts = sums[:, :b] + sums[:, b:]
    seen = sums.copy()
    if len(bin_):
        surest = int(bin_.max())
        seen[1:, [surest, b + surest]] += np.random.default_rng(seed).gamma(0.5, size=(len(sums) - 1, 2))
    offsets, slopes = _grid(least_slope)
    doubt = np.zeros((1, len(offsets)))
    if like is not None:
        off, log = offsets - offsets[like.curve][:, None], np.log(slopes / slopes[like.curve][:, None])
        doubt = (off**2 + log**2) / (2 * spread**2)
    error = expit(offsets[:, None] - slopes[:, None] * mean)  # (g, b)
    rate, curve = _best(seen, error, doubt, classes)
    return Floor(rate, error[curve], curve, counts, classes)


def _grid(least_slope: float) -> tuple[Reals, Reals]:
    """α and β of every curve that is tried, (g,) each."""
    offsets, slopes = np.meshgrid(OFFSETS, np.geomspace(least_slope, STEEPEST, SLOPES), indexing="ij")
    return offsets.ravel(), slopes.ravel()


def _best(seen: Reals, error: Reals, doubt: Reals, classes: int) -> tuple[Reals, Indices]:
    """Floor (R,) and place of the curve (R,) with the largest likelihood, less the doubt in each curve (R or 1, g)."""
    among = classes / (classes - 1)
    profile, curve = np.empty((len(seen), len(FLOORS))), np.empty((len(seen), len(FLOORS)), dtype=np.int64)
    for place, floor in enumerate(FLOORS):
        p = np.clip(floor + (1 - among * floor) * error, LEAST_ERROR, 1 - LEAST_ERROR)
        fit = seen @ np.concatenate([np.log1p(-p), np.log(p)], axis=1).T - doubt  # (R, g)
        curve[:, place] = first_of_largest(fit)
        profile[:, place] = fit[np.arange(len(fit)), curve[:, place]]
    best = first_of_largest(profile)
    return _peak(profile, best), curve[np.arange(len(best)), best]


def _peak(profile: Reals, best: Indices) -> Reals:
    """Where a parabola through the best floor and its neighbours has its top, (R,); at the ends the floor itself."""
    rows = np.flatnonzero((best > 0) & (best < len(FLOORS) - 1))
    place, rate = best[rows], FLOORS[best]
    x0, x1, x2 = (FLOORS[place + step] for step in (-1, 0, 1))
    y0, y1, y2 = (profile[rows, place + step] for step in (-1, 0, 1))
    down, up = (x1 - x0) * (y1 - y2), (x1 - x2) * (y1 - y0)
    with np.errstate(invalid="ignore", divide="ignore"):
        top = x1 - 0.5 * ((x1 - x0) * down - (x1 - x2) * up) / (down - up)
    rate[rows] = np.where(np.isfinite(top), np.clip(top, x0, x2), x1)
    return rate
