"""The eight symmetries of the square, and turns, zooms and shifts, on centred coordinates.

Coordinates are (y, x) from −1 to 1 at the outermost pixels' centres. A move is a (2, 3) matrix M: the moved image at a
point p has the value of the image at M · (p, 1).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from heldout.images.copies.small import Floats, Integers

V = TypeVar("V", bound=np.generic)

SYMMETRIES = 8
"""0 … 3: turned by so many quarters against the clock; 4 … 7: turned by k − 4 quarters, then mirrored left to right."""

HALF_TURN = {0: 2, 1: 3, 2: 0, 3: 1, 4: 6, 5: 7, 6: 4, 7: 5}
"""Each symmetry -> it and a half turn."""

NO_MOVE: Floats = np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32)


def place_of(symmetry: int, side: int) -> Integers:
    """(s · s,) the pixel that each pixel of the changed image takes its value from."""
    pixels = np.arange(side * side).reshape(side, side)
    turned = np.rot90(pixels, symmetry % 4)
    return np.ascontiguousarray(turned[:, ::-1] if symmetry >= 4 else turned).ravel().astype(np.int64)


def changed(images: NDArray[V], symmetry: Integers) -> NDArray[V]:
    """Each image (n, s, s) by its own symmetry (n,)."""
    n, side, _ = images.shape
    places = np.stack([place_of(k, side) for k in range(SYMMETRIES)])
    flat = np.take_along_axis(images.reshape(n, side * side), places[symmetry], axis=1)
    return flat.reshape(n, side, side)


def matrix_of(symmetry: int) -> Floats:
    """(2, 2) matrix R: the changed image at p has the value of the image at R · p."""
    quarter = np.array([[0, 1], [-1, 0]])
    turn = np.linalg.matrix_power(quarter, symmetry % 4)
    return (turn @ np.diag([1, -1]) if symmetry >= 4 else turn).astype(np.float32)


def move(degrees: float = 0.0, zoom: float = 1.0, dy: float = 0.0, dx: float = 0.0) -> Floats:
    """A turn and a zoom about the middle (below 1 magnifies), then a shift in halves of a side."""
    angle = np.deg2rad(degrees)
    turn = zoom * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.concatenate([turn, [[dy], [dx]]], axis=1).astype(np.float32)


def grid(side: int) -> Floats:
    """(3, s · s) rows y, x, 1 of every pixel."""
    line = np.linspace(-1, 1, side, dtype=np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    return np.stack([y.ravel(), x.ravel(), np.ones(side * side, dtype=np.float32)])


def sampled(images: Floats, moves: Floats) -> tuple[Floats, NDArray[np.bool_], Integers]:
    """Moved images by bilinear interpolation.

    Args:
        images: (n, s, s).
        moves: (n, 2, 3), a move each.

    Returns:
        (n, s · s) values, at the border's where outside; (n, s · s) whether they lie inside; (n, s · s) the nearest
        pixel of all n · s · s.
    """
    n, side, _ = images.shape
    half, last = np.float32((side - 1) / 2), np.float32(side - 1)
    points = moves @ grid(side)  # (n, 2, s · s)
    y, x = points[:, 0] * half + half, points[:, 1] * half + half
    inside = (y >= -1e-3) & (y <= last + 1e-3) & (x >= -1e-3) & (x <= last + 1e-3)
    for line in (y, x):
        np.minimum(np.maximum(line, 0, out=line), last, out=line)
    row, column = (np.minimum(line, last - 1).astype(np.int32) for line in (y, x))
    y -= row
    x -= column
    first = row * side + column + (np.arange(n, dtype=np.int32) * (side * side))[:, None]
    flat = images.reshape(-1)
    top, bottom = flat.take(first), flat.take(first + side)
    top += (flat.take(first + 1) - top) * x
    bottom += (flat.take(first + side + 1) - bottom) * x
    top += (bottom - top) * y
    return top, inside, first + (y >= 0.5) * np.int32(side) + (x >= 0.5)
