"""Candidates verified: each is laid over the other, and those that agree more than different pictures do are copies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from heldout.images.copies.chunks import each
from heldout.images.copies.groups import numbered
from heldout.images.copies.judge import agreement, threshold
from heldout.images.copies.made import make_copies
from heldout.images.copies.register import Guess, Laid, guess, laid, refined
from heldout.images.copies.search import WAYS, Candidates, candidates
from heldout.images.copies.small import Floats, Integers, Pixels, band, halved, shown
from heldout.images.copies.spectra import REPRESENTATIVES, Axes, learn_axes, spectra
from heldout.images.copies.symmetries import NO_MOVE, SYMMETRIES, changed

ROUGH = (0.6, 4.0)
FINE = (0.7, 3.0)
"""Scales of details in pixels: of 32 for finding the place, of 64 for the judgement."""

LOST = 0.005
"""Share of made copies that each cut-off may lose."""

STEPS_EARLY = 2
STEPS_ROUGH = 3
STEPS_FINE = 2
"""Gauss-Newton steps: at 32 pixels for all candidates, at 32 for those that are left, and at 64."""

TRIED = 2
MANY = 5000
TRIED_OF_MANY = 1
"""Candidates of an image that are laid over it exactly, those that correlate most at the first guess; from so many
images on only the first, which loses about one copy in fifty and halves the time."""

ASKED = 100
"""Images whose candidates say how alike different pictures are."""

FEW = 20
"""Images of which nothing is taken for shared."""

SHARED_FROM = 0.15
"""Share of the details' variance from which on it is taken off (X-rays, cells, skin have 0.05): a copy that was moved
has it at another place, and loses by it."""

RANGE = (0.8, 16.0)
"""Least zoom (and, inverted, largest) and most degrees of a copy; beyond, a fit has run away."""


@dataclass(frozen=True)
class Verified:
    """Pairs with the place of the first on the second.

    Attributes:
        first: (m,) rows.
        second: (m,) rows.
        agreement: (m,) median correlation of details over blocks.
        symmetry: (m,) by which the first is changed.
        move: (m, 2, 3) by which it is moved after that.
    """

    first: Integers
    second: Integers
    agreement: Floats
    symmetry: Integers
    move: Floats

    @classmethod
    def none(cls) -> Verified:
        """No pair."""
        rows = np.empty(0, dtype=np.int64)
        return cls(rows, rows, np.empty(0, dtype=np.float32), rows, np.empty((0, 2, 3), dtype=np.float32))

    @classmethod
    def joined(cls, parts: list[Verified]) -> Verified:
        """All of several."""
        columns = ("first", "second", "agreement", "symmetry", "move")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))

    def rows(self, some: NDArray[np.bool_]) -> Verified:
        """Some of them."""
        return Verified(self.first[some], self.second[some], self.agreement[some], self.symmetry[some], self.move[some])


@dataclass(frozen=True)
class Verification:
    """Thumbnails with all that is computed once of each.

    Attributes:
        small: (n, 64, 64).
        seen: (n, 64, 64) where they show something.
        rough: (n, 32, 32) details at 32 pixels.
        seen_rough: (n, 32, 32).
        plain: (n, 32, 32) grey levels for the spectra, 0 in the mean and where nothing is shown.
        shared: (64, 64) details that all images have at one place, the same under each symmetry.
        axes: Of the search.
        most: Largest squared distance of a candidate.
        least_guess: Least correlation at the first guess.
        least_early: Least correlation at 32 pixels after the first steps.
        least_late: And after all of them.
    """

    small: Pixels
    seen: NDArray[np.bool_]
    rough: Floats
    seen_rough: NDArray[np.bool_]
    plain: Floats
    shared: Floats
    axes: Axes
    most: float
    least_guess: float
    least_early: float
    least_late: float

    @classmethod
    def of(cls, small: Pixels) -> Verification:
        """Measure everything that is needed, and the cut-offs on copies made of some of the images."""
        seen, rough, seen_rough, plain = _measured(small)
        made, of = make_copies(small)
        _, made_rough, made_seen, made_plain = _measured(made)
        rows, copies = spectra(plain), spectra(made_plain)
        axes = learn_axes(rows, copies, of)
        squares = ((axes.of(copies) - axes.of(rows[of])) ** 2).sum(axis=1)
        at = _best_guess(rough[of], made_rough)
        turned, masks = changed(rough[of], at.symmetry), changed(seen_rough[of], at.symmetry)
        early = refined(turned, masks, made_rough, made_seen, at.move, STEPS_EARLY)
        late = refined(turned, masks, made_rough, made_seen, early.move, STEPS_ROUGH)
        return cls(
            small,
            seen,
            rough,
            seen_rough,
            plain,
            _shared(small, seen),
            axes,
            float(np.quantile(squares, 1 - LOST)),
            float(np.quantile(at.correlation, LOST)),
            float(np.quantile(early.correlation, LOST)),
            float(np.quantile(late.correlation, LOST)),
        )

    def pairs(self) -> Verified:
        """All pairs beyond the thresholds."""
        near = candidates(self.plain, self.axes, self.most)
        if not len(near.first):
            return Verified.none()
        at = self._guessed(near)
        still_least, moved_least = self._thresholds(near, at)
        found = self._still(near, at, still_least)
        picture = numbered(zip(found.first.tolist(), found.second.tolist(), strict=True), len(self.small))
        left = picture[near.first] != picture[near.second]
        tried = TRIED if len(self.small) < MANY else TRIED_OF_MANY
        left &= _leading(near, at.correlation, left & (at.correlation >= self.least_guess), tried)
        moved = self._beyond(near, at, np.flatnonzero(left), moved_least, still=False)
        return Verified.joined([found, moved])

    def _guessed(self, near: Candidates) -> Guess:
        """Where the first of each pair lies on the second, roughly."""
        ways = np.stack(WAYS)

        def one(some: Integers) -> Guess:
            first, second = self.rough[near.first[some]], self.rough[near.second[some]]
            return guess(first, second, near.symmetry[some], ways[near.way[some]])

        return Guess.joined(each(one, np.arange(len(near.first))))

    def _thresholds(self, near: Candidates, at: Guess) -> tuple[float, float]:
        """Of copies that were not moved, and of those that were: beyond candidates and beyond pairs drawn at random."""
        n = len(self.small)
        asked = np.zeros(n, dtype=np.bool_)
        asked[np.linspace(0, n - 1, min(ASKED, n)).astype(np.int64)] = True
        own = np.flatnonzero(_leading(near, at.correlation, asked[near.first]))
        drawn, there = self._drawn(np.flatnonzero(asked))
        least = []
        for still in (True, False):
            parts = each(partial(self._agreements, near, at, still), own)
            others = each(partial(self._agreements, drawn, there, still), np.arange(len(drawn.first)))
            least.append(threshold(np.concatenate(parts), np.concatenate(others), n))
        return least[0], least[1]

    def _agreements(self, near: Candidates, at: Guess, still: bool, some: Integers) -> Floats:
        return self._agreed(near, at, some, still)[0]

    def _drawn(self, asked: Integers) -> tuple[Candidates, Guess]:
        """Pairs drawn at random, at the best of the eight symmetries: copies are few among them, whatever the data."""
        other = (asked + len(self.small) // 2) % len(self.small)
        tries = []
        for symmetry in REPRESENTATIVES:
            ways = np.tile(NO_MOVE, (len(asked), 1, 1))
            tries.append(guess(self.rough[asked], self.rough[other], np.full(len(asked), symmetry), ways))
        at = _best(tries)
        return Candidates(asked, other, np.zeros_like(asked), at.symmetry, np.zeros(len(asked), np.float32)), at

    def _still(self, near: Candidates, at: Guess, least: float) -> Verified:
        """Pairs that agree though neither is moved."""
        rows = np.flatnonzero(at.still & (at.correlation >= self.least_guess))
        return self._beyond(near, at, rows, least, still=True)

    def _beyond(self, near: Candidates, at: Guess, rows: Integers, least: float, still: bool) -> Verified:
        """Those of some pairs that agree so much."""

        def one(some: Integers) -> Verified:
            agreements, moves = self._agreed(near, at, some, still, cut=True)
            pairs = Verified(near.first[some], near.second[some], agreements, at.symmetry[some], moves)
            return pairs.rows(agreements >= least)

        return Verified.joined(each(one, rows))

    def _agreed(
        self, near: Candidates, at: Guess, some: Integers, still: bool, cut: bool = False
    ) -> tuple[Floats, Floats]:
        """Agreement of some pairs (−1 where a rough fit is below its cut-off), and the moves at which they have it."""
        moves = np.tile(NO_MOVE, (len(some), 1, 1))
        kept = np.arange(len(some))
        if not still:
            moves = at.move[some].copy()
            for steps, least in ((STEPS_EARLY, self.least_early), (STEPS_ROUGH, self.least_late)):
                fit = self._rough(near, at, some[kept], moves[kept], steps)
                moves[kept] = fit.move
                kept = kept[((fit.correlation >= least) | (not cut)) & _in_range(fit.move)]
        agreements = np.full(len(some), -1, dtype=np.float32)
        if len(kept):
            pairs = some[kept]
            symmetry = at.symmetry[pairs]
            steps = 0 if still else STEPS_FINE
            pair = self._laid(near.first[pairs], near.second[pairs], symmetry, moves[kept], steps)
            agreements[kept] = np.where(_in_range(pair.move), agreement(pair), -1)
            moves[kept] = pair.move
        return agreements, moves

    def _rough(self, near: Candidates, at: Guess, pairs: Integers, moves: Floats, steps: int) -> Laid:
        """Steps at 32 pixels."""
        a, b, symmetry = near.first[pairs], near.second[pairs], at.symmetry[pairs]
        first, seen = changed(self.rough[a], symmetry), changed(self.seen_rough[a], symmetry)
        return refined(first, seen, self.rough[b], self.seen_rough[b], moves, steps)

    def _laid(self, a: Integers, b: Integers, symmetry: Integers, moves: Floats, steps: int) -> Laid:
        """Fine details of the first, changed and moved, over those of the second."""
        rows, place = np.unique(np.concatenate([a, b]), return_inverse=True)
        details = band(self.small[rows], self.seen[rows], *FINE) - self.shared * self.seen[rows]
        first, second = place[: len(a)], place[len(a) :]
        first_details = changed(details[first], symmetry)
        first_seen = changed(self.seen[a], symmetry)
        if not steps:
            return laid(first_details, first_seen, details[second], self.seen[b], moves)
        return refined(first_details, first_seen, details[second], self.seen[b], moves, steps)


def _best_guess(first: Floats, second: Floats) -> Guess:
    """The guess of all ways of changing the first that correlates most."""
    m = len(first)
    return _best([guess(first, second, np.zeros(m, dtype=np.int64), np.tile(way, (m, 1, 1))) for way in WAYS])


def _best(tries: list[Guess]) -> Guess:
    """Of several guesses for each pair the one that correlates most."""
    m = len(tries[0].symmetry)
    best = np.stack([one.correlation for one in tries]).argmax(axis=0)
    return Guess.joined(tries).rows(best * m + np.arange(m))


def _measured(small: Pixels) -> tuple[NDArray[np.bool_], Floats, NDArray[np.bool_], Floats]:
    """Masks at 64 pixels, details and masks at 32, and grey levels at 32 with mean 0 where something is shown."""
    n, half_side = len(small), small.shape[1] // 2
    seen, seen_half = np.empty(small.shape, np.bool_), np.empty((n, half_side, half_side), np.bool_)
    rough, plain = (np.empty((n, half_side, half_side), np.float32) for _ in range(2))

    def one(some: Integers) -> None:  # written where it stays: joined afterwards, all would be there twice
        seen[some] = shown(small[some])
        half, seen_half[some] = halved(small[some], seen[some])
        weight = seen_half[some].astype(np.float32)
        mean = (half * weight).sum(axis=(1, 2)) / np.maximum(weight.sum(axis=(1, 2)), 1)
        rough[some] = band(half, seen_half[some], *ROUGH)
        plain[some] = (half - mean[:, None, None]) * weight

    each(one, np.arange(n))
    return seen, rough, seen_half, plain


def _shared(small: Pixels, seen: NDArray[np.bool_]) -> Floats:
    """What all images have at one place (a frame, a scale bar, an outline): it tells nothing of one.

    The mean of details over some images, and over the eight symmetries, so that it is the same for a symmetric copy;
    less of it where the images are few, since each is then a part of its own mean. Nothing where it is little.
    """
    n = len(small)
    rows = np.linspace(0, n - 1, min(ASKED, n)).astype(np.int64)
    details = band(small[rows], seen[rows], *FINE)
    mean = details.sum(axis=0) / np.maximum(seen[rows].sum(axis=0), 1)
    whole = np.mean([changed(mean[None], np.array([k]))[0] for k in range(SYMMETRIES)], axis=0)
    whole = whole * max(0.0, 1 - FEW / n)
    much = (whole**2).mean() >= SHARED_FROM * (details**2).mean()
    return np.asarray(whole * much, dtype=np.float32)


def _leading(near: Candidates, correlation: Floats, usable: NDArray[np.bool_], tried: int = TRIED) -> NDArray[np.bool_]:
    """Whether each pair is usable and among the best (`TRIED`) of one of its two images."""
    places = np.tile(np.flatnonzero(usable), 2)
    ends = np.concatenate([near.first[usable], near.second[usable]])
    order = np.lexsort((places, -correlation[places], ends))
    starts = np.flatnonzero(np.diff(ends[order], prepend=-1))
    rank = np.arange(len(ends)) - np.repeat(starts, np.diff(np.append(starts, len(ends))))
    leading = np.zeros(len(near.first), dtype=np.bool_)
    leading[places[order[rank < tried]]] = True
    return leading


def _in_range(moves: Floats) -> NDArray[np.bool_]:
    zoom = np.sqrt(np.abs(np.linalg.det(moves[:, :, :2])))
    turn = np.degrees(np.arctan2(moves[:, 0, 1] - moves[:, 1, 0], moves[:, 0, 0] + moves[:, 1, 1]))
    result: NDArray[np.bool_] = (zoom > RANGE[0]) & (zoom < 1 / RANGE[0]) & (np.abs(turn) < RANGE[1])
    return result
