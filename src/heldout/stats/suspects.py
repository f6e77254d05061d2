"""Labels that look wrong, through cleanlab (Northcutt, Jiang & Chuang 2021): a ranking, and a share that is flagged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heldout.stats.scores import Indices, Reals
from heldout.ties import in_order


@dataclass(frozen=True)
class Suspects:
    """How doubtful each image's label is.

    Attributes:
        quality: (n,) label quality in [0, 1], low is doubtful (self-confidence: probability of the given label).
        flagged: (n,) whether confident learning takes the label for wrong. About half of the flags are truly wrong, so
            that their share is an upper bound and no estimate.
        left: Classes with too few images to be judged: none of theirs is flagged, nor taken for one of them.
    """

    quality: Reals
    flagged: NDArray[np.bool_]
    left: tuple[int, ...] = ()


def suspects(labels: Indices, probabilities: Reals, fewest: int) -> Suspects | None:
    """Rank the labels of images by how doubtful they are.

    Args:
        labels: (n,) class indices.
        probabilities: (n, k) out-of-sample probabilities; rows sum to 1.
        fewest: Images that a class must have to be judged; without them confident learning has no threshold to go by.

    Returns:
        None where fewer than two classes have as many. Images of the others are ranked among the rest, by the
        probability of their label, and not flagged.
    """
    from cleanlab.filter import find_label_issues  # three seconds to import, needed nowhere else
    from cleanlab.rank import get_label_quality_scores

    counts = np.bincount(labels, minlength=probabilities.shape[1])
    present, judged = np.flatnonzero(counts), np.flatnonzero(counts >= fewest)
    if len(judged) < 2:
        return None
    among, kept = _renormalised(labels, probabilities, present)
    quality = np.asarray(get_label_quality_scores(among, kept), dtype=np.float64)
    rows = np.flatnonzero(np.isin(labels, judged))
    flagged = np.zeros(len(labels), dtype=np.bool_)
    flagged[rows] = find_label_issues(*_renormalised(labels[rows], probabilities[rows], judged), n_jobs=1)
    return Suspects(quality, flagged, tuple(np.setdiff1d(present, judged).tolist()))


def _renormalised(labels: Indices, probabilities: Reals, classes: Indices) -> tuple[Indices, Reals]:
    """Labels as places among some classes, and probabilities of these alone: cleanlab wants an image of every class."""
    kept = np.clip(probabilities[:, classes], 1e-9, None)
    return np.searchsorted(classes, labels), kept / kept.sum(axis=1, keepdims=True)


def review_sample(
    ids: tuple[str, ...], found: Suspects, seed: int, top_share: float, rest_share: float, least_doubt: float
) -> dict[str, float]:
    """Which images to have read again, and with which probability each was chosen.

    The share `top_share` most doubtful for certain, and as many of the rest as `rest_share` of it, each with a
    probability in proportion to the square root of its doubt (one minus label quality): what costs a Horvitz-Thompson
    estimate of wrong labels the least variance for a number of readings (Neyman 1934), where a plain random tenth
    weighs every wrong label that the ranking missed tenfold. The fixed number is drawn systematically (Madow 1949).

    Returns:
        Id -> probability, most doubtful first, then those drawn.
    """
    order = in_order(found.quality, tolerance=1e-12)  # softmax is exact to 1e-15, and sure images lie close together
    number = max(1, round(top_share * len(ids)))
    top, rest = order[:number], order[number:]
    chosen = {ids[i]: 1.0 for i in top}
    if not len(rest):
        return chosen
    probability = _inclusion(np.sqrt(1 - found.quality[rest] + least_doubt), max(1, round(rest_share * len(rest))))
    rng = np.random.default_rng((seed, 11))
    shuffled = rng.permutation(len(rest))
    ends = np.cumsum(probability[shuffled])
    drawn = shuffled[np.unique(np.searchsorted(ends, np.arange(rng.random(), ends[-1], 1.0), side="right"))]
    return chosen | {ids[rest[i]]: float(probability[i]) for i in np.sort(drawn)}


def _inclusion(size: Reals, number: int) -> Reals:
    """Inclusion probabilities in proportion to `size` that sum to `number`, none above 1."""
    probability: Reals = np.minimum(1.0, number * size / size.sum())
    for _ in range(20):  # what is cut off at 1 is shared out among the others
        free = probability < 1
        lacking = number - probability.sum()
        if lacking < 1e-9 or not free.any():
            break
        probability[free] = np.minimum(1.0, probability[free] * (1 + lacking / probability[free].sum()))
    return probability
