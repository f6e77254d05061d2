"""All pairs of images that show one picture, changed or not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from heldout.images.copies.changes import describe
from heldout.images.copies.groups import numbered
from heldout.images.copies.small import SIDE, Floats, Integers, Pixels
from heldout.images.copies.symmetries import matrix_of

if TYPE_CHECKING:
    from heldout.images.copies.verify import Verified

FORMAT = 2
"""Raised whenever the same images would give other pairs."""

FEWEST_IMAGES = 3

MOST_IMAGES = 50_000
"""Among more images none need be looked for: time grows as n^1.5, and reading them takes a minute by then."""


@dataclass(frozen=True)
class FoundCopies:
    """Pairs of copies, those that agree most first.

    Attributes:
        first: (m,) row of one image of each pair.
        second: (m,) row of the other, above `first`.
        agreement: (m,) median correlation of details over blocks.
        symmetry: (m,) symmetry that makes the second from the first.
        move: (m, 2, 3) turn, zoom and shift after that.
        change: (m,) how the first was changed to give the second, in words.
    """

    first: Integers
    second: Integers
    agreement: Floats
    symmetry: Integers
    move: Floats
    change: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.first)

    def pictures(self, n: int) -> Integers:
        """(n,) number of the picture that each of n images shows: images joined by pairs share one."""
        return numbered(zip(self.first.tolist(), self.second.tolist(), strict=True), n)


def find_copies(small: Pixels) -> FoundCopies:
    """Look for pairs that show one picture: same pixels, or changed by a symmetry, a small move, light or a file.

    The order of the images does not matter.

    Args:
        small: (n, 64, 64) from `small_grey`.
    """
    # scipy's filters and transforms take a sixth of a second, for which copies that are remembered need not wait
    from heldout.images.copies.verify import Verification, Verified

    if small.ndim != 3 or small.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"expected (n, {SIDE}, {SIDE}) thumbnails, found {small.shape}")
    keys = [hashlib.blake2b(image.tobytes(), digest_size=8).hexdigest() for image in small]
    order = np.argsort(np.array(keys, dtype="U16"), kind="stable").astype(np.int64)
    if len(small) < FEWEST_IMAGES:
        return _sorted(Verified.none(), order, small)
    with threadpool_limits(limits=1):  # the threads are ours: one set of images each
        pairs = Verification.of(np.ascontiguousarray(small[order])).pairs()
    return _sorted(pairs, order, small)


def _sorted(pairs: Verified, order: Integers, small: Pixels) -> FoundCopies:
    """In rows of the caller, the first below the second."""
    a, b = order[pairs.first], order[pairs.second]
    symmetry, move = pairs.symmetry.copy(), pairs.move.copy()
    for i in np.flatnonzero(a > b):
        symmetry[i], move[i] = _back(int(symmetry[i]), move[i])
    first, second = np.minimum(a, b), np.maximum(a, b)
    rank = np.lexsort((second, first, -np.round(pairs.agreement, 4)))
    means, spreads = small.mean(axis=(1, 2), dtype=np.float32), small.std(axis=(1, 2), dtype=np.float32)
    words = tuple(
        describe(
            int(symmetry[i]),
            move[i],
            float(means[second[i]] / max(means[first[i]], 1e-3)),
            float(spreads[second[i]] / max(spreads[first[i]], 1e-3)),
        )
        for i in rank
    )
    return FoundCopies(first[rank], second[rank], pairs.agreement[rank], symmetry[rank], move[rank], words)


def _back(symmetry: int, move: Floats) -> tuple[int, Floats]:
    """The symmetry and the move that lead from the second image to the first."""
    inverse = {1: 3, 3: 1}.get(symmetry, symmetry)
    turn = matrix_of(symmetry)
    linear = np.linalg.inv(move[:, :2])
    shift = -linear @ move[:, 2]
    return inverse, np.concatenate([turn @ linear @ turn.T, (turn @ shift)[:, None]], axis=1).astype(np.float32)
