"""Does a batch of new images look like those that a rule was made on: a distance between them, held against its null.

Each image is some numbers (what the network answered, and measured properties of the picture). The distance is the
energy distance (Székely & Rizzo 2013) of the batch to one part of the known images, the anchor. Its null: batches of as
many images, drawn by whole patients with replacement from the other part of the known images, against the same anchor.
Answers of a network tell most shifts that hurt it (Rabanser, Günnemann & Lipton 2019, "Failing loudly"); a shift that
changes neither answers nor measured properties is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from heldout.stats.scores import Indices, Reals

DRAWS = 999
"""Batches behind the null: p is known to 0.001."""

ALARM = 0.01
"""p at or below which a batch is called unlike: one ordinary batch of a hundred is (docs/abstain.md)."""

FEWEST = 20
"""Images below which a batch is not judged."""

MOST = 500
"""Images of a batch, and of each known part, that are compared; of more so many are drawn."""

FLAT = 1e-12
"""Standard deviation below which a number is the same for all known images, and not compared."""


@dataclass(frozen=True, eq=False)
class Known:
    """Images that a rule was made on.

    Attributes:
        anchor: (a, d) numbers of the images that batches are held against.
        others: (b, d) numbers of images of other patients, of which the null is made.
        units: (b,) patient of each of the others.
    """

    anchor: Reals
    others: Reals
    units: Indices


@dataclass(frozen=True)
class Likeness:
    """How unlike a batch is.

    Attributes:
        images: Images of the batch that were compared.
        distance: Energy distance to the anchor, in standard deviations of the known images.
        usual: Median of the null.
        p: Share of the null that is as far or farther, (1 + count)/(1 + draws).
    """

    images: int
    distance: float
    usual: float
    p: float

    @property
    def unlike(self) -> bool:
        """Whether the batch is called unlike."""
        return self.p <= ALARM


@dataclass(frozen=True, eq=False)
class Ground:
    """Known images ready to be compared: standardised by the anchor, and not more than `MOST` of each part.

    Attributes:
        mean: (d,) of the anchor.
        spread: (d,) its standard deviations; 0 where a number is not compared.
        anchor: (a, d) standardised.
        others: (b, d) likewise.
        units: (b,) patient of each of the others, 0 … u − 1.
        within: Mean distance within the anchor.
    """

    mean: Reals
    spread: Reals
    anchor: Reals
    others: Reals
    units: Indices
    within: float

    @classmethod
    def of(cls, known: Known, rng: np.random.Generator) -> Ground:
        """Draw where there are too many, and standardise."""
        mean, spread = known.anchor.mean(axis=0), known.anchor.std(axis=0)
        spread = np.where(spread > FLAT, spread, 0.0)
        first, kept = _some(len(known.anchor), rng), _whole(known.units, rng)
        anchor = _standard(known.anchor[first], mean, spread)
        units = np.unique(known.units[kept], return_inverse=True)[1].astype(np.int64)
        others = _standard(known.others[kept], mean, spread)
        return cls(mean, spread, anchor, others, units, float(cdist(anchor, anchor).mean()))

    def distance(self, batch: Reals) -> float:
        """Energy distance of (m, d) new images to the anchor."""
        new = _standard(batch, self.mean, self.spread)
        return float(2 * cdist(new, self.anchor).mean() - cdist(new, new).mean()) - self.within

    def null(self, m: int, rng: np.random.Generator) -> Reals:
        """(draws,) distances of batches of m images of the others' patients."""
        shares = _drawn(self.units, m, rng)  # (draws, b)
        to_anchor, among = cdist(self.others, self.anchor).mean(axis=1), cdist(self.others, self.others)
        found: Reals = 2 * (shares @ to_anchor) - ((shares @ among) * shares).sum(axis=1) - self.within
        return found


def p_of(distance: float, null: Reals) -> float:
    """Share of the null that is as far or farther (Phipson & Smyth 2010)."""
    return (1 + int((null >= distance).sum())) / (1 + len(null))


def likeness(batch: Reals, known: Known, seed: int = 0) -> Likeness | None:
    """Hold a batch against its null.

    Args:
        batch: (m, d) numbers of new images, columns as those of the known ones; NaN is taken for the known mean.
        known: What it is held against.
        seed: Of the draws.

    Returns:
        None of a batch of fewer than `FEWEST` images, without any number, or where the known images are of fewer than
        four patients.
    """
    if not batch.shape[1] or len(batch) < FEWEST or len(np.unique(known.units)) < 4 or len(known.anchor) < 2:
        return None
    rng = np.random.default_rng(seed)
    ground = Ground.of(known, rng)
    new = batch[_some(len(batch), rng)]
    found, null = ground.distance(new), ground.null(len(new), rng)
    return Likeness(len(new), max(found, 0.0), max(float(np.median(null)), 0.0), p_of(found, null))


def _standard(values: Reals, mean: Reals, spread: Reals) -> Reals:
    used = spread > 0
    scaled: Reals = np.nan_to_num((values[:, used] - mean[used]) / spread[used])
    return scaled


def _some(n: int, rng: np.random.Generator) -> Indices:
    """At most `MOST` rows, ascending."""
    found: Indices = np.sort(rng.permutation(n)[:MOST]).astype(np.int64)
    return found


def _whole(units: Indices, rng: np.random.Generator) -> Indices:
    """Rows of whole patients, about `MOST`: with some images of each, batches of the null would be of more patients."""
    number = np.unique(units, return_inverse=True)[1]
    sizes = np.bincount(number)
    order = rng.permutation(len(sizes))
    kept = order[np.cumsum(sizes[order]) - sizes[order] < MOST]
    return np.flatnonzero(np.isin(number, kept)).astype(np.int64)


def _drawn(units: NDArray[np.int64], m: int, rng: np.random.Generator) -> Reals:
    """(draws, b) share of each image in batches of m images, made of whole patients drawn with replacement."""
    sizes = np.bincount(units)
    within = _place_within(units)
    patients = rng.integers(0, len(sizes), (DRAWS, m))
    ends = np.cumsum(sizes[patients], axis=1)
    whole = ends <= m
    row = np.repeat(np.arange(DRAWS), m).reshape(DRAWS, m)
    drawn = np.bincount((row * len(sizes) + patients)[whole], minlength=DRAWS * len(sizes)).reshape(DRAWS, -1)
    counts = drawn[:, units].astype(np.float64)
    filled = whole.sum(axis=1)
    cut = np.flatnonzero(filled < m)  # where the last patient is not taken whole
    last = patients[cut, filled[cut]]
    room = m - np.where(filled[cut] > 0, ends[cut, np.maximum(filled[cut] - 1, 0)], 0)
    counts[cut] += (units[None] == last[:, None]) & (within[None] < room[:, None])
    shares: Reals = counts / m
    return shares


def _place_within(units: NDArray[np.int64]) -> Indices:
    """(b,) number of each image among those of its patient, from 0."""
    order = np.argsort(units, kind="stable")
    sizes = np.bincount(units)
    place = np.empty(len(units), dtype=np.int64)
    place[order] = np.arange(len(units)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return place
