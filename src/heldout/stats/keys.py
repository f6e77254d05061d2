"""Is a key (a part of file names, say) a patient? Asked of the images themselves, without a network.

Images of one patient are more alike than images of two. So for a key that is a patient, pairs of images that share it
are more alike than they would be if the key were dealt out at random among the images of the class; a permutation test
tells. A coarser key that joins groups of a finer one is judged by the pairs it adds: if the images it joins are no more
alike than strangers are, it joins strangers. `person12_bacteria_3` and `person12_virus_5` are such a pair.

Likeness is the cosine of thumbnails (`images.perceptual.thumbnails`), centred on the class's mean image and whitened:
what all images of the class share, and the few large differences (exposure, pose) that would drown the rest, no longer
count. On chest X-rays that triples the difference between patients and strangers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from heldout.stats.scores import Indices, Reals

COMPONENTS = 50
IMAGES_A_COMPONENT = 8
"""Principal components of a class's thumbnails that are kept: at most 50, and 8 images or more for each."""

PERMUTATIONS = 999

LEVEL = 0.01
"""A key is believed from this p on: stricter than .05, since several keys are tried."""

FEWEST_PAIRS = 10
"""Fewer pairs than that cannot show whether a key is a patient."""

MOST_BLOCKS = 2000
"""Groups compared with one another; of more, whole keys are drawn at random."""

MOST_PAIRS = 5000
"""Of more pairs, so many are drawn at random, a class."""

HALF = 0.5
"""A coarser key must make images at least half as alike as the finer one does: less is a common day or ward."""

EXPECTED = 0.3
"""Where no finer key says how alike the images of one patient are: the least that was seen, in standard deviations
(0.3 to 1.1 in the families of names of the Kermany X-rays)."""

Z90 = 1.645
"""Quantile of the upper end that is compared with what a patient would make."""

OUTLIER = 3.0
"""Similarities count at most so many standard deviations above their mean, lest a few copies decide."""


@dataclass(frozen=True)
class KeyVerdict:
    """Whether a key is a patient, as far as the images tell.

    Attributes:
        accepted: Whether images that it joins are alike as those of one patient are.
        p: One-sided p of the permutation test; NaN where nothing could be tested.
        effect: How much more alike the joined are than strangers, in standard deviations of strangers' similarity; NaN
            likewise.
        pairs: Pairs of groups (of images, where there is no finer key) that it joins and that were looked at.
        reason: Why, in words.
        told: Whether the images tell at all; not where too few pairs were joined.
    """

    accepted: bool
    p: float
    effect: float
    pairs: int
    reason: str
    told: bool = True


@dataclass(frozen=True)
class _Blocks:
    """Groups of images of one class, compared as wholes: the similarity of two is the mean over their images' pairs.

    Attributes:
        similarity: (b, b).
        key: (b,) number of the key of each.
        stratum: (b,) blocks among which the key is dealt out.
        within: How much more alike the images of a block are than two strangers of its stratum: one number for each
            block of several images.
    """

    similarity: Reals
    key: Indices
    stratum: Indices
    within: Reals


def verify_key(
    keys: Sequence[str],
    labels: Sequence[str],
    vectors: NDArray[np.float32],
    finer: Sequence[str] | None = None,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
) -> KeyVerdict:
    """Test whether images that share a key are alike as those of one patient are.

    Only images of the same class are compared. With a finer key, its groups stay whole, and the key is dealt out among
    those of the same kind (what the finer key adds, its digits left out: bacteria, virus), so that bacterial images are
    held against bacterial strangers.

    Args:
        keys: (n,) key of each image; an image with an empty key is left out.
        labels: (n,) class of each.
        vectors: (n, d) thumbnails.
        finer: (n,) a finer key that is believed, or None: every image by itself.
        seed: Seed of the permutations.
        permutations: Their number.

    Raises:
        ValueError: Lengths that differ.
    """
    if not len(keys) == len(labels) == len(vectors) == len(finer if finer is not None else keys):
        raise ValueError(
            "expected a key, a label, a vector (and a finer key) for every image, found lengths that differ"
        )
    rng = np.random.default_rng(seed)
    names = [str(i) for i in range(len(keys))] if finer is None else list(finer)
    with threadpool_limits(limits=1):  # the matrices are small: threads would only wait for each other
        made = [_blocks_of(rows, keys, names, vectors, rng) for rows in _classes(keys, labels)]
    blocks = [block for block in made if block is not None]
    joined = [_joined(block, rng) for block in blocks]
    pairs = sum(len(rows) for rows, _ in joined)
    if pairs < FEWEST_PAIRS:
        reason = f"cannot be tested: it joins only {pairs} pairs"
        return KeyVerdict(False, float("nan"), float("nan"), pairs, reason, told=False)
    observed, null, spread = _statistics(blocks, joined, permutations, rng)
    p = (1 + int((null >= observed).sum())) / (1 + permutations)
    effect = float((observed - null.mean()) / spread)
    inside = np.concatenate([block.within for block in blocks])
    within = float(inside.mean() / spread) if len(inside) >= FEWEST_PAIRS else float("nan")
    error = float(null.std() / spread)
    return _judged(p, effect, error, within, pairs, finer is not None)


def _classes(keys: Sequence[str], labels: Sequence[str]) -> list[Indices]:
    """Rows of each class that have a key."""
    known = np.array(keys, dtype=str) != ""
    of_class = np.array(labels, dtype=str)
    return [np.flatnonzero(known & (of_class == label)) for label in np.unique(of_class[known])]


def _blocks_of(
    rows: Indices, keys: Sequence[str], names: Sequence[str], vectors: NDArray[np.float32], rng: np.random.Generator
) -> _Blocks | None:
    """Blocks of one class; None where the class has fewer than three."""
    unit = _whitened(vectors[rows].astype(np.float64))
    _, key = np.unique([keys[i] for i in rows], return_inverse=True)
    pair = [f"{keys[i]}\n{names[i]}" for i in rows]
    _, first, block = np.unique(pair, return_index=True, return_inverse=True)
    if len(first) < 3:
        return None
    kinds = [_kind(names[rows[i]], keys[rows[i]]) for i in first]
    _, stratum = np.unique(kinds, return_inverse=True)
    key = key[first]
    kept = _some(key, rng)
    sums = np.zeros((len(first), unit.shape[1]))
    np.add.at(sums, block, unit)
    sizes = np.bincount(block)
    sums, sizes = sums[kept], sizes[kept]
    similarity = (sums / sizes[:, None]) @ (sums / sizes[:, None]).T
    upper = similarity[np.triu_indices(len(kept), 1)]
    most = upper.mean() + OUTLIER * upper.std()
    similarity = np.minimum(similarity, most)
    key, stratum = key[kept].astype(np.int64), stratum[kept].astype(np.int64)
    several = np.flatnonzero(sizes > 1)
    squares = (sums[several] ** 2).sum(axis=1) - sizes[several]
    inside = np.minimum(squares / (sizes[several] * (sizes[several] - 1)), most)
    return _Blocks(similarity, key, stratum, inside - _strangers(similarity, key, stratum)[several])


def _strangers(similarity: Reals, key: Indices, stratum: Indices) -> Reals:
    """Mean similarity of each block to those of another key in its stratum, (b,); to all blocks where there is none."""
    strangers = (key[:, None] != key[None]) & (stratum[:, None] == stratum[None])
    count = strangers.sum(axis=1)
    mean: Reals = np.where(count, (similarity * strangers).sum(axis=1) / np.maximum(count, 1), similarity.mean())
    return mean


def _kind(finer: str, key: str) -> str:
    """What a finer key adds, its digits left out: `person12_virus` of `person12` -> `_virus`."""
    return re.sub(r"\d+", "#", finer.removeprefix(key)) if key and finer.startswith(key) else ""


def _some(key: Indices, rng: np.random.Generator) -> Indices:
    """Blocks of whole keys, at most about `MOST_BLOCKS`."""
    if len(key) <= MOST_BLOCKS:
        return np.arange(len(key))
    place = rng.permutation(int(key.max()) + 1)[key]  # keys in a random order
    return np.flatnonzero(place <= np.sort(place)[MOST_BLOCKS - 1])


def _whitened(vectors: Reals) -> Reals:
    """Rows centred, as leading principal components of equal variance, at length 1."""
    centred = vectors - vectors.mean(axis=0)
    components = int(min(COMPONENTS, max(2, len(vectors) // IMAGES_A_COMPONENT), *vectors.shape))
    powers, axes = np.linalg.eigh(centred.T @ centred)  # ascending
    powers, axes = powers[-components:], axes[:, -components:]
    kept = (centred @ axes) * np.where(powers > 1e-9, 1 / np.sqrt(np.maximum(powers, 1e-9)), 0)
    length = np.linalg.norm(kept, axis=1, keepdims=True)
    unit: Reals = kept / np.where(length > 1e-12, length, 1)
    return unit


def _joined(blocks: _Blocks, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Pairs of blocks that share a key; a random part of them where they are very many."""
    first, second = np.nonzero(np.triu(blocks.key[:, None] == blocks.key[None], 1))
    if len(first) > MOST_PAIRS:
        drawn = rng.permutation(len(first))[:MOST_PAIRS]
        first, second = first[drawn], second[drawn]
    return first.astype(np.int64), second.astype(np.int64)


def _statistics(
    blocks: Sequence[_Blocks],
    joined: Sequence[tuple[Indices, Indices]],
    permutations: int,
    rng: np.random.Generator,
) -> tuple[float, Reals, float]:
    """Mean similarity of joined pairs, the same under permuted keys, and the spread of strangers' similarity."""
    pairs = sum(len(first) for first, _ in joined)
    observed = sum(block.similarity[pair].sum() for block, pair in zip(blocks, joined, strict=True)) / pairs
    null = np.zeros(permutations)
    for block, (first, second) in zip(blocks, joined, strict=True):
        order = np.argsort(block.stratum, kind="stable")
        bounds = np.flatnonzero(np.diff(block.stratum[order])) + 1
        for i in range(permutations):
            shuffled = np.empty_like(order)
            shuffled[order] = np.concatenate([rng.permutation(part) for part in np.split(order, bounds)])
            null[i] += block.similarity[shuffled[first], shuffled[second]].sum()
    null /= pairs
    strangers = [b.similarity[np.triu(b.key[:, None] != b.key[None], 1)] for b in blocks]
    spread = float(np.concatenate(strangers).std())
    return float(observed), null, max(spread, 1e-12)


def _judged(p: float, effect: float, error: float, within: float, pairs: int, has_finer: bool) -> KeyVerdict:
    """The verdict in words.

    Args:
        p: Of the permutation test.
        effect: How much more alike the joined are, in standard deviations.
        error: Standard error of that, from the permutations.
        within: The same of the images in the finer key's groups; NaN where there are too few.
        pairs: Pairs joined.
        has_finer: Whether there is a finer key.
    """
    wanted = HALF * within if has_finer and not np.isnan(within) else EXPECTED
    added = "images that it joins and the finer key keeps apart" if has_finer else "images that share it"
    measured = f"by {effect:.2f} standard deviations, {pairs:,} pairs, p {_shown(p)}"
    measured += f"; those that share the finer key by {within:.2f}" if has_finer and not np.isnan(within) else ""
    if p <= LEVEL and effect > 0 and (not has_finer or effect >= wanted):
        reason, accepted = f"{added} are more alike than strangers of their class ({measured})", True
    elif p <= LEVEL and effect > 0:
        reason, accepted = f"{added} share a day or a device, perhaps, but hardly a patient ({measured})", False
    elif effect + Z90 * error < wanted:
        reason, accepted = f"{added} are no more alike than strangers of their class ({measured})", False
    else:
        return KeyVerdict(
            False, p, effect, pairs, f"these images cannot tell: {added} are too few ({measured})", told=False
        )
    return KeyVerdict(accepted, p, effect, pairs, reason)


def _shown(p: float) -> str:
    return f"= {p:.3f}" if p >= 0.0015 else "≤ .001"
