"""Images that show one picture: what pairs join."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from heldout.connected import connected
from heldout.images.copies.small import Integers


def numbered(pairs: Iterable[tuple[int, int]], n: int) -> Integers:
    """(n,) number of the picture that each image shows: images joined by pairs, over others too, share one.

    >>> numbered([(0, 2), (2, 3)], 5).tolist()
    [0, 1, 0, 0, 2]
    """
    first, second = np.array(list(pairs), dtype=np.int64).reshape(-1, 2).T
    return connected(first, second, n)
