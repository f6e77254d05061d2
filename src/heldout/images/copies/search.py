"""Candidates: for every image, changed in a few ways, the images with the nearest spectra.

The images are dealt into cells about images drawn from among them; a changed image is compared with those of the
nearest cells only (an inverted file, Jégou, Douze, Schmid 2011), so that time grows as n^1.5 and not as n². What is
missed from one side of a pair can be found from the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from heldout.images.copies.chunks import spread
from heldout.images.copies.small import Floats, Integers
from heldout.images.copies.spectra import REPRESENTATIVES, Axes, spectra
from heldout.images.copies.symmetries import grid, move

WAYS = (move(), move(zoom=0.95), move(zoom=0.89), move(degrees=6.5), move(degrees=-6.5))
"""In what ways an image is changed before it is looked for; nearer changes are within reach of the spectra."""

CELLS_FROM = 600
"""With fewer images, all are compared with all."""

VISITED = 9
"""Cells that a changed image is compared with."""

KEPT = 10
"""Candidates kept for each image."""

FEW = 200
KEPT_OF_FEW = 30
"""Among fewer images than that so many are kept: the axes, learned from few copies, tell them apart less well."""

ROWS = 4096
"""Changed images compared at a time."""


@dataclass(frozen=True)
class Candidates:
    """Pairs that may be copies.

    Attributes:
        first: (m,) row of the image that was changed.
        second: (m,) row of the one that it then resembled.
        way: (m,) number of the way in `WAYS`.
        symmetry: (m,) symmetry by which it was changed after that, up to a half turn.
        distance: (m,) squared distance of the two; about the number of axes, for a copy.
    """

    first: Integers
    second: Integers
    way: Integers
    symmetry: Integers
    distance: Floats

    @classmethod
    def none(cls) -> Candidates:
        """No pair."""
        empty = np.empty(0, dtype=np.int64)
        return cls(empty, empty, empty, empty, np.empty(0, dtype=np.float32))

    @classmethod
    def joined(cls, parts: Sequence[Candidates]) -> Candidates:
        """All of several, one or more."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))

    def rows(self, some: Integers | NDArray[np.bool_]) -> Candidates:
        """Some of them."""
        return Candidates(*(getattr(self, one.name)[some] for one in fields(self)))


def candidates(images: Floats, axes: Axes, most: float) -> Candidates:
    """For every image the nearest others, in whichever way it is changed.

    Args:
        images: (n, 32, 32), 0 where nothing is shown.
        axes: From `learn_axes`.
        most: Largest squared distance.

    Returns:
        Each pair once; of every image at least `KEPT` where there are so many.
    """
    n, kept = len(images), KEPT_OF_FEW if len(images) < FEW else KEPT
    cells = _Cells.of(axes.of(np.concatenate([spectra(part) for part in _parts(images)])))

    def one(number: int) -> Candidates:
        way = WAYS[number]
        rows = np.concatenate([spectra(_warped(part, way) if number else part) for part in _parts(images)])
        found = Candidates.none()
        for symmetry in REPRESENTATIVES:
            near = [found]
            for first, second, distance in cells.nearest(axes.of(rows, symmetry)):
                some = distance < most
                about = (np.full(int(some.sum()), number), np.full(int(some.sum()), symmetry))
                near.append(Candidates(first[some], second[some], *about, distance[some]))
            # What is beyond here is beyond among all ways, where no pair is farther than here: nothing else is lost.
            found = _best(n, kept, Candidates.joined(near))
        return found

    return _best(n, kept, Candidates.joined(spread(one, range(len(WAYS)))))


def _best(n: int, kept: int, near: Candidates) -> Candidates:
    """Each pair by its nearest way, and of each of n images so many pairs that are nearest."""
    pair = np.minimum(near.first, near.second) * n + np.maximum(near.first, near.second)
    order = np.lexsort((near.symmetry, near.way, near.distance, pair))
    near = near.rows(order[np.unique(pair[order], return_index=True)[1]])
    keep = np.zeros(len(near.first), dtype=np.bool_)
    ends, places = np.concatenate([near.first, near.second]), np.tile(np.arange(len(near.first)), 2)
    by_end = np.lexsort((places, near.distance[places], ends))
    starts = np.flatnonzero(np.diff(ends[by_end], prepend=-1))
    rank = np.arange(len(ends)) - np.repeat(starts, np.diff(np.append(starts, len(ends))))
    keep[places[by_end[rank < kept]]] = True
    return near.rows(keep)


def _warped(images: Floats, way: Floats) -> Floats:
    """All images moved alike, 0 outside: a sparse matrix of bilinear weights times the pixels."""
    n, side, _ = images.shape
    half = (side - 1) / 2
    points = (way @ grid(side)) * half + half
    corner = np.floor(points).astype(np.int64)
    part = points - corner
    rows, columns, weights = [], [], []
    for dy in (0, 1):
        for dx in (0, 1):
            y, x = corner[0] + dy, corner[1] + dx
            weight = (part[0] if dy else 1 - part[0]) * (part[1] if dx else 1 - part[1])
            inside = (y >= 0) & (y < side) & (x >= 0) & (x < side)
            rows.append(np.flatnonzero(inside))
            columns.append((y * side + x)[inside])
            weights.append(weight[inside])
    matrix = csr_array(
        (np.concatenate(weights).astype(np.float32), (np.concatenate(rows), np.concatenate(columns))),
        shape=(side * side, side * side),
    )
    moved: Floats = np.ascontiguousarray((matrix @ images.reshape(n, -1).T).T).reshape(n, side, side)
    return moved


@dataclass(frozen=True)
class _Cells:
    """Points (n, d) dealt into cells.

    Attributes:
        centres: (c, d).
        order: (n,) rows, cell after cell.
        starts: (c + 1,) where each cell begins in it.
        points: (n, d) in that order.
        place: (n,) where each row stands in it.
    """

    centres: Floats
    order: Integers
    starts: Integers
    points: Floats
    place: Integers

    @classmethod
    def of(cls, points: Floats) -> _Cells:
        n = len(points)
        number = 1 if n < CELLS_FROM else int(np.sqrt(n))
        centres = points[np.linspace(0, n - 1, number).astype(np.int64)]  # rows come in the order of their hashes
        own = np.concatenate([_squares(part, centres).argmin(axis=1) for part in _parts(points)])
        order = np.argsort(own, kind="stable")
        starts = np.searchsorted(own[order], np.arange(number + 1))
        place = np.empty(n, dtype=np.int64)
        place[order] = np.arange(n)
        return cls(centres, order, starts, np.ascontiguousarray(points[order]), place)

    def nearest(self, asked: Floats) -> list[tuple[Integers, Integers, Floats]]:
        """For point i of those asked, which is row i changed: the two nearest other rows of each cell visited."""
        visited = min(VISITED, len(self.centres))
        if visited == len(self.centres):
            cells = np.tile(np.arange(visited), (len(asked), 1))
        else:
            cells = np.concatenate(
                [np.argpartition(_squares(part, self.centres), visited, axis=1)[:, :visited] for part in _parts(asked)]
            )
        rows = np.repeat(np.arange(len(asked)), visited)
        by_cell = np.argsort(cells.ravel(), kind="stable")
        bounds = np.searchsorted(cells.ravel()[by_cell], np.arange(len(self.centres) + 1))
        found = []
        for cell in range(len(self.centres)):
            start, end = int(self.starts[cell]), int(self.starts[cell + 1])
            mine = rows[by_cell[bounds[cell] : bounds[cell + 1]]]
            for some in np.split(mine, range(ROWS, len(mine), ROWS)):
                if len(some) and end > start:
                    found += self._two(some, asked[some], start, end)
        return found

    def _two(self, rows: Integers, asked: Floats, start: int, end: int) -> list[tuple[Integers, Integers, Floats]]:
        squares = _squares(asked, self.points[start:end])
        own = self.place[rows] - start
        here = (own >= 0) & (own < end - start)
        squares[np.flatnonzero(here), own[here]] = np.inf
        found = []
        for _ in range(min(len(squares[0]), KEPT_OF_FEW) if len(self.centres) == 1 else 2):
            best = squares.argmin(axis=1)
            distance = squares[np.arange(len(rows)), best]
            finite = np.isfinite(distance)
            found.append((rows[finite], self.order[start + best[finite]], distance[finite]))
            squares[np.arange(len(rows)), best] = np.inf
        return found


def _parts(points: Floats) -> list[Floats]:
    return np.split(points, range(ROWS, len(points), ROWS))


def _squares(a: Floats, b: Floats) -> Floats:
    """(n, m) squared distances."""
    squares: NDArray[np.float32] = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    return np.maximum(squares, 0)
