"""Percentiles of all pixels of many images, exactly, in the memory of one image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from heldout.images.intensity import Span

Array = npt.NDArray[Any]
Counts = npt.NDArray[np.int64]

READ = Callable[[], Iterable[Array]]
"""Begins anew each time: images (h, w, c), c the same for all."""

LOWEST, HIGHEST = -(2**15), 2**16 - 1
"""What 16 bits hold, signed or not: such values are counted one by one."""

HALF = 16
"""Bits of a 32-bit value that a pass counts by."""


def span_of(read: READ, at: tuple[float, float]) -> tuple[Span, int]:
    """Two percentiles of all pixels, a channel, and of how many images.

    A percentile is the smallest value that so many per cent of the pixels do not exceed. Values of at most 16 bits take
    one pass over the images, others two.

    Args:
        read: Gives the images.
        at: The percentiles, 0 … 100.
    """
    counts: list[Counts] = []
    number = 0
    narrow = True
    for image in read():
        number += 1
        planes = image.reshape(-1, image.shape[-1])
        counts = counts or [np.zeros(HIGHEST - LOWEST + 1, dtype=np.int64) for _ in range(planes.shape[1])]
        narrow = narrow and image.dtype.kind in "iu" and image.dtype.itemsize <= 2
        if not narrow:
            break
        for k, count in enumerate(counts):
            values = np.bincount(planes[:, k].astype(np.int64) - LOWEST)
            count[: len(values)] += values
    if narrow:
        ends = [[float(_first(count, q) + LOWEST) for count in counts] for q in at]
        return Span(tuple(ends[0]), tuple(ends[1])), number
    return _wide(read, at)


def _wide(read: READ, at: tuple[float, float]) -> tuple[Span, int]:
    """The same of 32-bit values, by the upper half of their order and then by the lower half."""
    upper: list[Counts] = []
    number = 0
    for image in read():
        number += 1
        keys = order_of(image)
        upper = upper or [np.zeros(2**HALF, dtype=np.int64) for _ in range(keys.shape[-1])]
        for k, count in enumerate(upper):
            count += np.bincount((keys[..., k] >> HALF).ravel(), minlength=2**HALF)
    found = [[_first(count, q) for count in upper] for q in at]
    lower = [[np.zeros(2**HALF, dtype=np.int64) for _ in upper] for _ in at]
    for image in read():
        keys = order_of(image)
        for which, bins in enumerate(found):
            for k, place in enumerate(bins):
                plane = keys[..., k]
                inside = plane[(plane >> HALF) == place] & (2**HALF - 1)
                lower[which][k] += np.bincount(inside, minlength=2**HALF)
    ends = []
    for which, q in enumerate(at):
        values = []
        for k, place in enumerate(found[which]):
            rest = _rank(upper[k], q) - int(upper[k][:place].sum())
            last = int(np.searchsorted(np.cumsum(lower[which][k]), rest))
            values.append(value_of((place << HALF) | last))
        ends.append(tuple(values))
    return Span(*ends), number


def _rank(counts: Counts, q: float) -> int:
    """The rank of a percentile, from 1."""
    return max(1, math.ceil(q / 100 * int(counts.sum())))


def _first(counts: Counts, q: float) -> int:
    """The first bin up to which the rank of a percentile is reached."""
    return int(np.searchsorted(np.cumsum(counts), _rank(counts, q)))


def order_of(values: Array) -> Counts:
    """Whole numbers from 0 to 2^32 − 1 in the order of the values, which are taken as float32."""
    bits = values.astype("<f4").view("<u4").astype(np.int64)
    keys: Counts = np.where(bits >> 31, 2**32 - 1 - bits, bits + 2**31)
    return keys


def value_of(key: int) -> float:
    """The float32 value of a place in the order.

    >>> value_of(int(order_of(np.array([-1.5]))[0]))
    -1.5
    """
    bits = key - 2**31 if key >= 2**31 else 2**32 - 1 - key
    return float(np.array([bits], dtype="<u4").view("<f4")[0])
