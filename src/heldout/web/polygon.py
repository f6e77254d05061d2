"""Which points lie within a line drawn round them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

MOST_CORNERS = 200
"""Of a line that is drawn by hand, once it is simplified; more do not fit an address."""


def within(points: Points, corners: Points) -> NDArray[np.bool_]:
    """Whether each point lies within a polygon: a ray from it crosses the polygon's sides an odd number of times.

    Args:
        points: Shape (n, 2).
        corners: Shape (m, 2), in order, the last joined to the first.

    Source: Shimrat, Algorithm 112: position of point relative to polygon, Communications of the ACM 1962.
    """
    x, y = points[:, 0], points[:, 1]
    inside = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        crossed = ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
        inside ^= crossed
    return inside


def corners_in(text: str) -> Points | None:
    """Corners as an address holds them, `x,y;x,y;…`: shape (m, 2), 3 to `MOST_CORNERS` of them; None for other text."""
    try:
        found = np.array([[float(value) for value in pair.split(",")] for pair in text.split(";")])
    except ValueError:
        return None
    fits = found.ndim == 2 and found.shape[1] == 2 and 3 <= len(found) <= MOST_CORNERS and np.isfinite(found).all()
    return found if fits else None
