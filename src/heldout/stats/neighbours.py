"""Near-copies: pairs of images that show the same picture, across and within the parts of a split.

A pair is a near-copy only if two witnesses agree. The perceptual hashes (`images.perceptual`) must differ in few bits,
and the vectors (thumbnails, or features of a network) must be more similar than those of different patients ever are.
Either alone says too much: among 5840 chest X-rays, which all show a chest, 10,000 pairs of different patients have
hashes within 8 bits, and one of these pairs is a copy.

How similar different patients can be is measured, not supposed (`calibrate`): for each image the distance d = 1 −
cosine to the nearest image of any other patient. The logarithms of these distances are taken as normal, with the
median and the median absolute deviation of the sample, so that copies hidden under two patients' names do not move
them. The threshold is the distance below which not even one of all n images is expected to find a stranger:
Φ⁻¹(1 − .05/n) deviations below the median.

How pairs are found: the vectors are asked first, and the hashes only about what they leave. The hashes cannot go first,
since strangers agree in them so often (two of 1000 pairs of simulated cells, 45 million pairs of 200,000 images) that
every index of hashes has a quadratic number to hand out; beyond the threshold of the vectors there are copies and next
to no strangers. Unit vectors with cosine s are √(2 − 2s) apart, and no farther in a projection on orthogonal axes: so a
k-d tree (Bentley 1975) of the projections on a few principal axes hands out every pair that can reach the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree
from scipy.stats import norm
from sklearn.utils.extmath import randomized_svd

from heldout.stats.scores import Indices, Reals
from heldout.stats.shift import unit_numbers
from heldout.ties import levels

Hashes = NDArray[np.uint64]
Vectors = NDArray[np.float32]

RADIUS = 8
"""Bits of 64 in which the hashes of a copy may differ: saving as JPEG, blur, brightness and contrast change up to 4
bits of a chest X-ray's, gamma 6, and cropping 2 % of each side 6 to 12."""

FALSE_ALARMS = 0.05
"""Chance that any pair of strangers among all images is taken for a copy, as far as the model of distances holds."""

LEAST = 0.95
"""No pair less similar than that is a copy, however unlike the strangers are."""

MOST = 0.9995
"""And any pair more similar is, however alike the strangers are: two JPEGs of one picture reach no more."""

ASKED = 1000
"""Images whose nearest stranger is looked for."""

FEWEST = 20
"""Fewer nearest strangers than that tell nothing of the rarest."""

AXES = 16
"""Principal axes of the search; more let fewer strangers through and make the tree slower."""

AXES_FROM = 2000
"""Vectors that the axes are computed from. Any axes give every pair; good ones give few others."""

ROUNDING = 1e-4
"""Added to squared distances of unit vectors in float32, so that rounding loses no pair."""

CHUNK = 4096
"""Vectors worked on at a time."""

ROOM = 1_000_000
"""Pairs looked at at a time: memory grows with n and with the pairs found, not with n²."""


@dataclass(frozen=True)
class Threshold:
    """From which similarity on a pair is a copy, and why.

    Attributes:
        similarity: Cosine similarity, between `LEAST` and `MOST`.
        typical: Median similarity of an image to its nearest stranger; NaN if not known.
        strangers: Number of images whose nearest stranger was looked for.
        reason: How it was chosen, in words.
    """

    similarity: float
    typical: float
    strangers: int
    reason: str


@dataclass(frozen=True)
class NearCopies:
    """Pairs of near-copies, the most similar first.

    Attributes:
        first: (m,) row of one image of each pair.
        second: (m,) row of the other, above `first`.
        bits: (m,) bits in which their hashes differ.
        similarity: (m,) cosine similarity of their vectors.
    """

    first: Indices
    second: Indices
    bits: NDArray[np.uint8]
    similarity: Reals

    def __len__(self) -> int:
        return len(self.first)

    def across(self, names: Sequence[str]) -> NearCopies:
        """The pairs whose images have different names: parts of a split, patients, labels.

        Args:
            names: (n,) name of every image; a pair of which one has none is left out.
        """
        known = np.array(names, dtype=str)
        a, b = known[self.first], known[self.second]
        keep = (a != b) & (a != "") & (b != "")
        return NearCopies(self.first[keep], self.second[keep], self.bits[keep], self.similarity[keep])

    def pictures(self, n: int) -> Indices:
        """Number of the picture that each of n images shows, (n,): images joined by pairs share a number."""
        ones = np.ones(len(self), dtype=np.int8)
        graph = coo_array((ones, (self.first, self.second)), shape=(n, n))
        numbers: Indices = connected_components(graph, directed=False)[1].astype(np.int64)
        return numbers


def hamming(a: Hashes, b: Hashes) -> NDArray[np.uint8]:
    """Number of bits in which hashes differ, 0 … 64, with broadcasting.

    >>> hamming(np.array([0, 7], dtype=np.uint64), np.array([1, 7], dtype=np.uint64)).tolist()
    [1, 0]
    """
    different: NDArray[np.uint8] = np.bitwise_count(a ^ b)
    return different


def calibrate(vectors: Vectors, groups: Sequence[str], seed: int = 0) -> Threshold:
    """Choose the similarity that strangers do not reach.

    Args:
        vectors: (n, d) thumbnails or features of images of one kind: train, as a rule.
        groups: (n,) patient of each; an image without a name is a patient of its own.
        seed: Seed of the choice of images where there are more than `ASKED`.
    """
    (patients,) = unit_numbers(groups)
    chosen = np.random.default_rng(seed).permutation(len(vectors))[:ASKED]
    distance = _nearest_strangers(vectors, patients, np.sort(chosen))
    distance = distance[np.isfinite(distance)]
    if len(distance) < FEWEST:
        reason = f"the strictest, since fewer than {FEWEST} images have a stranger to be compared with"
        return Threshold(MOST, float("nan"), len(distance), reason)
    logs = np.log(np.maximum(distance, 1e-6))
    middle = float(np.median(logs))
    spread = float(norm.ppf(0.75) ** -1 * np.median(np.abs(logs - middle)))
    reach = float(norm.isf(FALSE_ALARMS / len(vectors)))
    similarity = float(np.clip(1 - np.exp(middle - reach * spread), LEAST, MOST))
    typical = 1 - float(np.exp(middle))
    reason = (
        f"an image and its nearest stranger have a similarity of {typical:.3f} (median of {len(distance)}); beyond "
        f"{similarity:.4f} none of {len(vectors)} images is expected to have one"
    )
    return Threshold(similarity, typical, len(distance), reason)


def _nearest_strangers(vectors: Vectors, patients: Indices, asked: Indices) -> Reals:
    """Distance of each image asked to the nearest image of another patient; infinite where there is none."""
    rows = _unit_length(vectors[asked])
    most = np.full(len(asked), -np.inf, dtype=np.float32)
    for start in range(0, len(vectors), CHUNK):
        columns = slice(start, start + CHUNK)
        similarity = rows @ _unit_length(vectors[columns]).T  # (asked, chunk)
        similarity[patients[asked][:, None] == patients[columns][None]] = -np.inf
        np.maximum(most, similarity.max(axis=1), out=most)
    return 1 - most.astype(np.float64)


def _unit_length(vectors: Vectors) -> Vectors:
    """Rows of length 1; a row of zeros stays, alike to nothing."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32, copy=False)


def near_copies(hashes: Hashes, vectors: Vectors, similarity: float, radius: int = RADIUS) -> NearCopies:
    """All pairs on which both witnesses agree.

    Exact. Time grows as n log n and memory as n where few pairs reach the similarity; identical images are all pairs of
    one another, and as many are returned. Rows of zeros (blank images) reach no similarity above 0 and are left out
    before the search, since they would all lie on one point of it.

    Args:
        hashes: (n,) perceptual hashes.
        vectors: (n, d) thumbnails or features of the same images.
        similarity: Least cosine similarity, from `calibrate`.
        radius: Most bits in which the hashes differ.

    Raises:
        ValueError: Lengths that differ, or a radius outside 0 … 64.
    """
    if len(hashes) != len(vectors):
        raise ValueError(f"expected as many hashes as vectors, found {len(hashes)} and {len(vectors)}")
    if not 0 <= radius <= 64:
        raise ValueError(f"expected a radius of 0 to 64 bits, found {radius}")
    rows = np.flatnonzero(vectors.any(axis=1)) if similarity > 0 else np.arange(len(vectors))
    found: list[tuple[Indices, Indices, NDArray[np.uint8], Reals]] = []
    for first, second in _candidates(_projected(vectors, rows), np.sqrt(max(2 - 2 * similarity, 0) + ROUNDING)):
        first, second = rows[first], rows[second]
        bits = hamming(hashes[first], hashes[second])
        near = bits <= radius
        first, second, bits = first[near], second[near], bits[near]
        alike = _similarities(vectors, first, second)
        keep = alike >= similarity
        found.append((first[keep], second[keep], bits[keep], alike[keep]))
    if not found:
        empty = np.empty(0, dtype=np.int64)
        return NearCopies(empty, empty, empty.astype(np.uint8), np.empty(0))
    first, second, bits, alike = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((second, first, -levels(alike)))  # of equal pairs the first images
    return NearCopies(first[order], second[order], bits[order], alike[order])


def _projected(vectors: Vectors, rows: Indices) -> Reals:
    """Some vectors, at length 1, along the principal axes of a sample of them: (rows, at most `AXES`)."""
    sample = _unit_length(vectors[rows[:: max(1, len(rows) // AXES_FROM)]]).astype(np.float64)
    if min(sample.shape) <= AXES:
        axes = np.eye(vectors.shape[1])[:AXES]
    else:
        axes = randomized_svd(sample - sample.mean(axis=0), AXES, n_iter=2, random_state=0)[2]  # (AXES, d), orthonormal
    points = np.empty((len(rows), len(axes)))
    for start in range(0, len(rows), CHUNK):
        some = slice(start, start + CHUNK)
        points[some] = _unit_length(vectors[rows[some]]) @ axes.T.astype(np.float32)
    return points


def _candidates(points: Reals, reach: float) -> Iterator[tuple[Indices, Indices]]:
    """All pairs of points (m, k) within reach, the first above the second, about `ROOM` at a time."""
    if not len(points):
        return
    tree = KDTree(points)
    numbers = cast(Indices, tree.query_ball_point(points, reach, return_length=True))  # itself included
    rows = np.flatnonzero(numbers > 1)
    batch = np.cumsum(numbers[rows]) // ROOM
    for some in np.split(rows, np.flatnonzero(np.diff(batch)) + 1):
        lists = cast(list[list[int]], tree.query_ball_point(points[some], reach))
        first = np.repeat(some, [len(found) for found in lists])
        second = np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=len(first))
        later = second > first
        yield first[later], second[later]


def _similarities(vectors: Vectors, first: Indices, second: Indices) -> Reals:
    """Cosine of the vectors of each pair, (m,)."""
    cosines = np.empty(len(first))
    for start in range(0, len(first), CHUNK):
        some = slice(start, start + CHUNK)
        a, b = _unit_length(vectors[first[some]]), _unit_length(vectors[second[some]])
        cosines[some] = np.einsum("ij,ij->i", a, b)
    return cosines
