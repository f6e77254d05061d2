"""Accuracy at the best class biases, cross-fitted: how much of an error a mere shift of the decision could mend.

A classifier answers the class whose logit is largest. Adding a bias to each class's logit moves the decision without
touching the order in which images stand; for two classes that is a threshold. The best biases are looked for on some
patients and scored on others (cross-fitting): looked for and scored on the same images they invent 0.7 to 3.7 points
at n = 400 to 624.

The search is smooth. Accuracy as a function of the cut is a staircase of n random steps, and its maximum is a poor
estimate of the best cut; it is therefore averaged over neighbouring cuts first (a triangle over a tenth of the images
each way). That loses less to the search than the bare maximum does (tests/stats/test_thresholds.py), and unlike a
logistic fit it supposes no shape of the scores: the heavy tails of fine-tuned networks do not mislead it.

A search on few images loses more than one on many. Where two samples are compared, the larger of each class is drawn
down to the smaller for the search (`share`), and all images are scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heldout.stats.drawn_down import drawn_down
from heldout.stats.scores import Indices, Reals
from heldout.ties import SAME, first_of_largest, levels

SMOOTHING = 0.10
"""Half-width of the averaging over cuts, as a share of the images."""

FOLDS = 5
REPEATS = 4
"""Cross-fitting is repeated with other folds and averaged, so that the value does not hang on one draw of folds."""

SWEEPS = 3
"""Rounds over the classes of the coordinate search, where there are more than two."""

BLOCK = 2**17
"""Numbers worked on at a time, some replicates of all images: they stay in a processor's cache, and memory is small."""

Weights = NDArray[np.floating[Any]]
"""How much each image counts: float32 where that is how often it was drawn, float64 where a metric weighs it too."""


def folds_of(units: Indices, strata: Indices, folds: int, seed: int) -> Indices:
    """A fold for every image, units whole, the strata spread evenly.

    Args:
        units: Unit (patient) of each image, shape (n,).
        strata: Class of each image, shape (n,); a unit belongs to the stratum of its first image.
        folds: Number of folds.
        seed: Seed of the draw.

    Returns:
        Fold of each image, shape (n,), 0 … folds−1.
    """
    _, first, inverse = np.unique(units, return_index=True, return_inverse=True)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(first))
    order = order[np.argsort(strata[first][order], kind="stable")]
    fold = np.empty(len(first), dtype=np.int64)
    fold[order] = np.arange(len(first)) % folds
    result: Indices = fold[inverse]
    return result


@dataclass(frozen=True)
class Movable:
    """The images whose answer a shift of the decision among some classes may change, seen through these classes alone.

    A class with a handful of images has no best bias. Its own images, and those that are answered as it, are then left
    as the classifier answers them, and the decision moves among the other classes only.

    Attributes:
        rows: (m,) rows of the images whose label and answer are both among the classes.
        labels: (m,) their labels, counted among these classes.
        logits: (m, c) their logits of these classes.
    """

    rows: Indices
    labels: Indices
    logits: Reals

    @classmethod
    def among(cls, labels: Indices, logits: Reals, classes: Indices | None) -> Movable:
        """The images that may move.

        Args:
            labels: (n,) class indices.
            logits: (n, k).
            classes: (c,) classes among which the decision may move, ascending; None for all.
        """
        if classes is None:
            return cls(np.arange(len(labels)), labels, logits)
        rows = np.flatnonzero(np.isin(labels, classes) & np.isin(first_of_largest(logits), classes))
        return cls(rows, np.searchsorted(classes, labels[rows]), logits[np.ix_(rows, classes)])


def tuned_accuracy(
    labels: Indices,
    logits: Reals,
    units: Indices,
    weights: Weights,
    *,
    seed: int = 0,
    classes: Indices | None = None,
    share: Reals | None = None,
    anew: bool = False,
    repeats: int = REPEATS,
) -> Reals:
    """Cross-fitted accuracy at the best biases, for many weightings of the images at once.

    Args:
        labels: (n,) class indices.
        logits: (n, k).
        units: (n,) unit of each image; a unit is never on both sides.
        weights: (B, n) weight of each image in each replicate; the first row is taken as the sample itself.
        seed: Seed of the folds.
        classes: (c,) classes among which the decision may move, ascending (see `Movable`); None for all.
        share: (k,) of each class's images, that which biases are looked for on; None for all of them.
        anew: Whether each weighting has its own biases also where there are more than two classes.
        repeats: How often it is cross-fitted.

    Returns:
        (B,) weighted share of images that are right.
    """
    total = weights.sum(axis=1, dtype=np.float64)
    if classes is not None:
        movable = Movable.among(labels, logits, classes)
        held = np.delete(np.arange(len(labels)), movable.rows)
        stays = first_of_largest(logits[held]) == labels[held]
        right = np.where(stays, weights[:, held], 0).sum(axis=1, dtype=np.float64)
        some, own = weights[:, movable.rows], None if share is None else share[classes]
        tuned = tuned_accuracy(
            movable.labels,
            movable.logits,
            units[movable.rows],
            some,
            seed=seed,
            share=own,
            anew=anew,
            repeats=repeats,
        )
        moved: Reals = (right + tuned * some.sum(axis=1, dtype=np.float64)) / total
        return moved
    right = np.zeros(len(weights))
    for inside, times, outside in _searches(labels, units, share, seed, repeats):
        seen = weights[:, inside] if times is None else weights[:, inside] * times.astype(weights.dtype)
        biases = best_biases(labels[inside], logits[inside], seen, anew=anew)  # (B, k)
        right += scored(labels[outside], logits[outside], weights[:, outside], biases)
    accuracy: Reals = right / repeats / total
    return accuracy


def tuned_right(
    labels: Indices,
    logits: Reals,
    units: Indices,
    weights: Weights,
    *,
    seed: int = 0,
    classes: Indices | None = None,
    share: Reals | None = None,
) -> Reals:
    """How often each image is right at the best biases, cross-fitted, (n,): 0 … 1, the share of the repetitions.

    Args:
        labels: (n,) class indices.
        logits: (n, k).
        units: (n,) unit of each image; a unit is never on both sides.
        weights: (n,) weight of each image in the search.
        seed: Seed of the folds; the same as `tuned_accuracy` draws, whose value is the weighted mean of these.
        classes: (c,) classes among which the decision may move, ascending (see `Movable`); None for all.
        share: (k,) of each class's images, that which biases are looked for on; None for all of them.
    """
    if classes is not None:
        movable, own = Movable.among(labels, logits, classes), np.zeros(len(labels))
        own[:] = first_of_largest(logits) == labels
        rows, some = movable.rows, None if share is None else share[classes]
        own[rows] = tuned_right(movable.labels, movable.logits, units[rows], weights[rows], seed=seed, share=some)
        return own
    right = np.zeros(len(labels))
    for inside, times, outside in _searches(labels, units, share, seed, REPEATS):
        seen = weights[None, inside] if times is None else weights[None, inside] * times.astype(weights.dtype)
        biases = best_biases(labels[inside], logits[inside], seen)  # (1, k)
        right[outside] += hits(labels[outside], logits[outside], biases)[0]
    result: Reals = right / REPEATS
    return result


def _searches(
    labels: Indices, units: Indices, share: Reals | None, seed: int, repeats: int
) -> Iterator[tuple[Indices, Reals | None, Indices]]:
    """Rows that biases are looked for on, how many images each stands for (None: itself), and rows to score them on."""
    folds = min(FOLDS, len(np.unique(units)))
    for repeat in range(repeats):
        fold = folds_of(units, labels, folds, seed * REPEATS + repeat)
        for k in range(folds):
            inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            if share is None or (share == 1).all():
                yield inside, None, outside
            else:
                rows, times = drawn_down(labels[inside], units[inside], share, (seed, repeat, k))
                yield inside[rows], times, outside


def scored(labels: Indices, logits: Reals, weights: Weights, biases: Reals) -> Reals:
    """Weight of the images that are right at given biases, (B,)."""
    hit = hits(labels, logits, biases)
    result: Reals = np.where(hit, weights, 0).sum(axis=1, dtype=np.float64)
    return result


def hits(labels: Indices, logits: Reals, biases: Reals) -> NDArray[np.bool_]:
    """Whether each image is right at given biases (B, k): (B, n)."""
    if logits.shape[1] == 2:
        margin = logits[:, 1] - logits[:, 0]
        cut = (biases[:, 0] - biases[:, 1])[:, None]
        positive = margin[None, :] > cut + SAME * np.abs(margin).max(initial=0.0)  # (B, n); on the cut: the first class
        return np.asarray(positive == (labels == 1)[None, :])
    if len(np.unique(biases, axis=0)) == 1:
        return np.broadcast_to(first_of_largest(logits + biases[0]) == labels, (len(biases), len(labels)))
    return np.stack([first_of_largest(logits + bias) == labels for bias in biases])


def best_biases(labels: Indices, logits: Reals, weights: Weights, *, anew: bool = False) -> Reals:
    """Biases of the classes that make the smoothed accuracy largest, for each weighting: (B, k).

    With more than two classes the search is slow, and all weightings are given the biases found for the first, unless
    they are looked for anew.

    Args:
        labels: (n,) class indices.
        logits: (n, k).
        weights: (B, n); the first row is the sample itself.
        anew: Whether each weighting has its own biases whatever the number of classes.
    """
    k = logits.shape[1]
    if k == 2:
        cut = _best_cut(logits[:, 1] - logits[:, 0], np.where(labels == 1, -1, 1).astype(np.float32), weights)
        return np.stack([cut, np.zeros_like(cut)], axis=1)
    if not anew:
        return np.repeat(_ascend(labels, logits, weights[:1]), len(weights), axis=0)
    rows = max(1, BLOCK // logits.size)
    parts = (weights[start : start + rows] for start in range(0, len(weights), rows))
    return np.concatenate([_ascend(labels, logits, some) for some in parts])


def _best_cut(score: Reals, change: NDArray[np.float32], weights: Weights) -> Reals:
    """The cut c that is best when images with score ≤ c are taken out of a class.

    Args:
        score: (n,).
        change: (n,) what it does to the number of right answers when the image falls below the cut: +1, −1 or 0.
        weights: (B, n).
    """
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    same = np.flatnonzero(np.diff(levels(ordered)) == 0) + 1  # no cut runs between equal scores
    best = np.empty(len(weights), dtype=np.int64)
    rows = max(1, BLOCK // len(score))
    for start in range(0, len(weights), rows):
        some = slice(start, start + rows)
        each = np.multiply(weights[some, order], change[order], dtype=np.float64)  # (rows, n)
        gains = np.zeros((len(each), len(score) + 1))  # the first: a cut below all images
        np.cumsum(_shared(each, same), axis=1, out=gains[:, 1:])
        del each
        smooth = _smoothed(gains)
        smooth[:, same] = -np.inf
        equal = SAME * np.abs(weights[some]).sum(axis=1, dtype=np.float64)
        best[some] = first_of_largest(smooth, axis=1, tolerance=equal)
    result: Reals = _between(ordered)[best]
    return result


def _shared(each: Reals, same: Indices) -> Reals:
    """Changes (rows, n) in the order of scores, those of equal scores shared out evenly among them.

    Their order is an accident, and the smoothing would see it: what remains is the mean over all orders.

    Args:
        each: What each image changes.
        same: Places of images whose score equals that of the image before.
    """
    if not len(same):
        return each
    starts = np.delete(np.arange(each.shape[1]), same)
    sizes = np.diff(np.append(starts, each.shape[1]))
    shared: Reals = np.repeat(np.add.reduceat(each, starts, axis=1) / sizes, sizes, axis=1)
    return shared


def _between(ordered: Reals) -> Reals:
    """Cuts below, between and above ascending scores, (n + 1,)."""
    cuts: Reals = np.concatenate([[ordered[0] - 1.0], (ordered[1:] + ordered[:-1]) / 2, [ordered[-1] + 1.0]])
    return cuts


def _smoothed(curve: Reals) -> Reals:
    """Each row averaged with a triangle of half-width `SMOOTHING` of its length: two running means."""
    half = max(1, round(SMOOTHING * curve.shape[1] / 2))
    for _ in range(2):
        sums = np.pad(curve, ((0, 0), (half + 1, half)), mode="edge")
        np.cumsum(sums, axis=1, out=sums)
        curve = sums[:, 2 * half + 1 :] - sums[:, : -(2 * half + 1)]
        curve /= 2 * half + 1
    return curve


def _ascend(labels: Indices, logits: Reals, weights: Weights) -> Reals:
    """Coordinate search over the classes, (B, k): each bias in turn is put at its best value, the others held.

    An image is given class c when its bias exceeds what the image needs: the best rival minus its own logit.
    """
    k = logits.shape[1]
    biases = np.zeros((len(weights), k))
    for _ in range(SWEEPS):
        for c in range(k):
            shifted = logits + biases[:, None, :]  # (B, n, k)
            shifted[:, :, c] = -np.inf
            rival = first_of_largest(shifted, axis=2)  # (B, n)
            needed = np.take_along_axis(shifted, rival[:, :, None], axis=2)[:, :, 0] - logits[:, c]
            change = np.where(labels == c, 1, np.where(rival == labels, -1, 0))
            biases[:, c] = _best_cuts(needed, change, weights)
        biases -= biases.mean(axis=1, keepdims=True)
    return biases


def _best_cuts(score: Reals, change: Indices, weights: Weights) -> Reals:
    """`_best_cut`, (B,), where scores and changes, both (B, n), are others in each weighting."""
    order = np.argsort(score, axis=1, kind="stable")
    ordered = np.take_along_axis(score, order, axis=1)
    each = np.take_along_axis(np.multiply(weights, change, dtype=np.float64), order, axis=1)
    slack = SAME * np.abs(score).max(axis=1)
    tied = np.zeros((len(score), score.shape[1] + 1), dtype=bool)
    for row in np.flatnonzero((np.diff(ordered, axis=1) <= slack[:, None]).any(axis=1)):
        same = np.flatnonzero(np.diff(levels(ordered[row])) == 0) + 1
        each[row] = _shared(each[row][None], same)[0]
        tied[row, same] = True
    gains = np.zeros(tied.shape)
    np.cumsum(each, axis=1, out=gains[:, 1:])
    smooth = _smoothed(gains)
    smooth[tied] = -np.inf
    best = first_of_largest(smooth, axis=1, tolerance=SAME * np.abs(weights).sum(axis=1, dtype=np.float64))
    padded = np.concatenate([ordered[:, :1] - 2.0, ordered, ordered[:, -1:] + 2.0], axis=1)  # as `_between`
    rows = np.arange(len(score))
    result: Reals = (padded[rows, best] + padded[rows, best + 1]) / 2
    return result
