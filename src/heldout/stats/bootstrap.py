"""The bootstrap over patients, drawn once and shared by every score of every run.

Images of a patient are alike: a hundred slices of ten people say little more than ten people do. So whole patients are
drawn, with replacement, as many as there are (Davison & Hinkley 1997, §3.8, strategy 1), and a replicate is kept as
the number of times each patient was drawn. Every score is then a ratio of weighted sums, and one matrix product gives
all replicates.

Strata. Patients are drawn within strata, since the numbers of images of the classes were fixed when the set was put
together, and so that no replicate loses a class. A patient with images of several classes is one unit and cannot be
torn apart; it belongs to the stratum of its most frequent class (of equals, the first). Strata by the exact mix of
classes would be finer, but many would hold a single patient, who would then be drawn always and never vary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from heldout.stats.few import FewUnits
from heldout.stats.scores import Indices, Reals, auc_problems
from heldout.stats.units import Units
from heldout.ties import levels, settled

REPLICATES = 1000
"""Replicates unless asked otherwise, for comparison and diagnosis alike: an end of an interval is then known to a tenth
of a standard error (√(p(1−p)/B) / density, p = .025)."""

FEWEST_REPLICATES = 100
"""With fewer the 2.5 % percentile is one of the two smallest values, and means nothing."""

CHUNK = 256
"""Replicates worked on at a time: keeps the arrays of the AUC within a processor's cache for a few thousand images."""

BLOCK = 2**24
"""Numbers that counts are worked on at a time, 128 MB in double precision; whole replicates, so that what is told of
each is the same."""

Counts = NDArray[np.uint8]
"""How often a unit was drawn. Each of u units is drawn once in the mean, and more than 255 times never: the chance is
below 1/255!, and where there are fewer than 256 units in a stratum it is none."""


def blocks(rows: int, columns: int, most: int | None = None) -> Iterator[slice]:
    """Rows that are worked on at a time: at most `BLOCK` numbers, and at most so many rows; at least one."""
    step = max(1, min(most or rows, BLOCK // max(columns, 1)))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


@dataclass(frozen=True)
class Resamples:
    """How often each unit was drawn in each replicate.

    Attributes:
        units: The units of n images, u of them.
        counts: Draws, shape (u, B) for B replicates: a byte each, since those of a million units are a gigabyte.
        part: Part of each unit, (u,), where several were drawn together; None for one.
    """

    units: Units
    counts: Counts
    part: Indices | None = None

    @property
    def replicates(self) -> int:
        """Number of replicates B."""
        return int(self.counts.shape[1])

    @cached_property
    def few(self) -> FewUnits:
        """How far replicates of a number are spread for few units."""
        return FewUnits.of(self.units, self.counts, self.part)

    @property
    def method(self) -> str:
        """What an interval of percentiles of these replicates is called."""
        if not self.units.patients:
            return f"image bootstrap, {self.replicates} replicates"
        return f"patient bootstrap, {self.units.what}, {self.replicates} replicates"

    def take(self, rows: Indices | NDArray[np.bool_]) -> Resamples:
        """The same draws, of the units of some of the images."""
        own = self.units.members(rows)
        return Resamples(self.units.take(rows), self.counts[own], None if self.part is None else self.part[own])

    def weights(self) -> NDArray[np.float32]:
        """How often each image counts in each replicate, shape (B, n)."""
        drawn: NDArray[np.float32] = self.counts[self.units.unit].T.astype(np.float32)
        return drawn

    def over(self, statistic: Callable[[NDArray[np.float32]], Reals]) -> Reals:
        """A statistic of the images' weights on the sample (first) and in every replicate, (B + 1,).

        Args:
            statistic: Takes weights (R, n), a row each of some replicates, and gives (R,).
        """
        images = len(self.units.unit)
        found = []
        for some in blocks(self.replicates + 1, images):  # row 0 is the sample
            weights = self.counts[:, max(some.start - 1, 0) : some.stop - 1][self.units.unit].T.astype(np.float32)
            if some.start == 0:
                weights = np.concatenate([np.ones((1, images), dtype=np.float32), weights])
            found.append(statistic(weights))
        return np.concatenate(found)

    def chunks(self, most: int | None = None) -> Iterator[slice]:
        """Replicates to be worked on at a time: at most so many, `CHUNK` by default, and at most `BLOCK` counts."""
        return blocks(self.replicates, len(self.units), most or CHUNK)

    def totals(self, values: NDArray[np.bool_] | Reals) -> Reals:
        """Weighted sums of the images' values in each replicate: (n,) -> (B,), or (r, n) -> (r, B)."""
        rows = np.atleast_2d(np.asarray(values, dtype=np.float64))  # (r, n)
        unit, number = self.units.unit, len(self.units)
        sums = np.stack([np.bincount(unit, weights=row, minlength=number) for row in rows])  # (r, u)
        # Whole numbers whose products stay below 2^24 lose nothing in float32, which is twice as fast.
        exact = bool(np.all(sums == np.rint(sums))) and float(np.abs(sums).sum(axis=1).max(initial=0)) < 2**20
        sums = sums.astype(np.float32) if exact else sums
        drawn: Reals = np.empty((len(sums), self.replicates))
        for some in self.chunks(self.replicates):
            drawn[:, some] = sums @ self.counts[:, some].astype(sums.dtype)
        return drawn[0] if np.ndim(values) == 1 else drawn


def draw(
    labels: Indices,
    ids: Sequence[str],
    patients: Sequence[str],
    *,
    replicates: int = REPLICATES,
    seed: int | Sequence[int] = 0,
) -> Resamples:
    """Draw patients with replacement within strata of their most frequent class.

    The draw depends on the names of patients and images, not on the order of the rows.

    Args:
        labels: Class of each image, shape (n,).
        ids: Name of each image.
        patients: Patient of each image; an image with an empty name is a unit of its own.
        replicates: B.
        seed: Seed of the draw.

    Raises:
        ValueError: No image, or lengths that differ.
    """
    units = Units.of(labels, ids, patients)
    rng = np.random.default_rng(seed)
    drawn = Resamples(units, np.zeros((len(units), replicates), dtype=np.uint8))
    for c in np.unique(units.stratum):
        members = np.flatnonzero(units.stratum == c)
        for some in drawn.chunks():  # the same draws as all at once, which are 64-bit
            each = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=some.stop - some.start)
            drawn.counts[members, some] = each.T
    return drawn


def resampled_auc(labels: Indices, logits: Reals, resamples: Resamples) -> Reals:
    """AUC (`scores.auc`) in each replicate, shape (B,); NaN where a class was not drawn."""
    values = [_resampled_auc(positive, score, resamples) for positive, score in auc_problems(labels, logits)]
    result: Reals = np.mean(values, axis=0)
    return result


def _resampled_auc(positive: NDArray[np.bool_], score: Reals, resamples: Resamples) -> Reals:
    """The weighted Mann-Whitney statistic of every replicate.

    Images in order of score form blocks: images of equal score, and neighbours of one class, whose order among
    themselves does not matter. A good classifier has few blocks, so that little is left to sum.
    """
    block = _blocks(positive, score)  # (n,)
    shape = (int(block.max()) + 1, len(resamples.units))

    def sums(mask: NDArray[np.bool_]) -> csr_array:
        ones = np.ones(int(mask.sum()), dtype=np.float32)
        return csr_array((ones, (block[mask], resamples.units.unit[mask])), shape=shape)

    positives, negatives = sums(positive), sums(~positive)
    result = np.empty(resamples.replicates)
    for some in resamples.chunks():
        drawn = resamples.counts[:, some].astype(np.float32, order="C")  # (u, b)
        above = positives @ drawn  # (blocks, b): weight of positive images
        below = negatives @ drawn
        beaten = np.cumsum(below, axis=0) - below / 2  # negatives that score lower, a tie counting half
        wins = np.einsum("gb,gb->b", above.astype(np.float64), beaten)
        pairs = above.sum(axis=0, dtype=np.float64) * below.sum(axis=0, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            result[some] = wins / pairs
    return result


def _blocks(positive: NDArray[np.bool_], score: Reals) -> Indices:
    """Number of the block of each image, ascending with the score, shape (n,)."""
    tie = levels(score)  # images of equal score share a number
    ties = int(tie.max()) + 1
    has_positive = np.bincount(tie, weights=positive, minlength=ties) > 0
    has_negative = np.bincount(tie, weights=~positive, minlength=ties) > 0
    kind = has_positive + 2 * has_negative  # 1, 2 or, mixed, 3
    begins = (kind[1:] != kind[:-1]) | (kind[1:] == 3)
    number = np.concatenate([[0], np.cumsum(begins)])
    blocks: Indices = number[tie].astype(np.int64)
    return blocks


def percentile_interval(replicates: Reals, value: float) -> tuple[float, float]:
    """The 2.5 % and 97.5 % percentiles of the replicates, widened where they miss the estimate; NaN is left out."""
    low, high = np.nanpercentile(replicates, [2.5, 97.5])
    # Settled, since verdicts ask whether an end lies above 0: replicates that are 0 on paper are ±1e-15.
    return min(settled(min(low, value)), value), max(settled(max(high, value)), value)


def varies(replicates: Reals) -> bool:
    """Whether the replicates differ at all. They do not when all images are right, or all wrong."""
    seen = replicates[np.isfinite(replicates)]
    return bool(seen.size) and float(np.ptp(seen)) > 1e-12
