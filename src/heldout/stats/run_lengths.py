"""Was a split dealt out at random, or cut in blocks of ids?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

LEVEL = 0.01


@dataclass(frozen=True)
class BlockTest:
    """How often the part of the split changes on the way through the ids.

    Attributes:
        blocked: Whether it changes much less often than in a random split.
        p: One-sided p of a random split; 1 where nothing could be tested.
        runs: Stretches of ids of one part.
        expected: Stretches that a random split would have.
        ids: Number of ids.
        words: The same as a sentence.
    """

    blocked: bool
    p: float
    runs: int
    expected: float
    ids: int
    words: str


def split_is_blocked(keys: Sequence[str], split: Sequence[str]) -> BlockTest:
    """Runs test (Wald & Wolfowitz 1940; for more than two parts Barton & David 1957) along the ids' natural order.

    Ids are patients, or file names where no patient is known (then a random split by patient looks blocked too). Each
    counts once a part, since the images of a patient belong together anyway. Ids of one form (digits aside) are put in
    the order of their numbers; stretches are counted within each form, and their numbers, means and variances added.

    Args:
        keys: (n,) id of each image.
        split: (n,) part of each; images without one are left out.

    >>> split_is_blocked([f"p{i}" for i in range(40)], ["train"] * 30 + ["test"] * 10).runs
    2
    """
    forms: dict[str, list[tuple[tuple[int, ...], str, str]]] = defaultdict(list)
    for key, part in sorted({(key, part) for key, part in zip(keys, split, strict=True) if part and key}):
        numbers = tuple(int(digits) for digits in re.findall(r"\d+", key))
        forms[re.sub(r"\d+", "#", key)].append((numbers, key, part))
    runs, expected, variance, ids = 0, 0.0, 0.0, 0
    for members in forms.values():
        parts = np.array([part for *_, part in sorted(members)])
        counts = np.unique(parts, return_counts=True)[1].astype(np.float64)
        runs += 1 + int((parts[1:] != parts[:-1]).sum())
        mean, spread = moments(counts)
        expected, variance, ids = expected + mean, variance + spread, ids + len(parts)
    if variance <= 0:
        return BlockTest(False, 1.0, runs, expected, ids, "no two parts share a form of id, so nothing can be tested")
    p = float(ndtr((runs - expected + 0.5) / np.sqrt(variance)))
    blocked = p <= LEVEL
    found = (
        f"{ids:,} ids in order fall into {runs:,} stretches of one part each; a random split has about {expected:,.0f}"
    )
    words = (
        f"The given split is in blocks of ids, not at random: {found}. What changed over time (device, staff, habits) "
        f"then differs between its parts."
        if blocked
        else f"The given split does not go by blocks of ids: {found}."
    )
    return BlockTest(blocked, p, runs, expected, ids, words)


def moments(counts: np.ndarray) -> tuple[float, float]:
    """Mean and variance of the number of runs in a random order of things of several kinds.

    Args:
        counts: (k,) things of each kind.
    """
    n = float(counts.sum())
    squares, cubes = float((counts**2).sum()), float((counts**3).sum())
    if n < 2:
        return 1.0, 0.0
    mean = n + 1 - squares / n
    variance = (squares * (squares + n * (n + 1)) - 2 * n * cubes - n**3) / (n**2 * (n - 1))
    return mean, max(variance, 0.0)
