"""Work on some rows at a time, on all processors."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from heldout.images.copies.small import Integers

A = TypeVar("A")
T = TypeVar("T")

CHUNK = 128
"""Rows worked on at a time: their pixels stay in a processor's cache."""


def each(work: Callable[[Integers], T], rows: Integers) -> list[T]:
    """The work on some rows at a time, in the order of the rows; at least once."""
    return spread(work, np.split(rows, range(CHUNK, len(rows), CHUNK)))


def spread(work: Callable[[A], T], parts: Sequence[A]) -> list[T]:
    """The work on each part, in their order."""
    if len(parts) == 1:
        return [work(parts[0])]
    with ThreadPoolExecutor(min(len(parts), os.cpu_count() or 1)) as pool:
        return list(pool.map(work, parts))
