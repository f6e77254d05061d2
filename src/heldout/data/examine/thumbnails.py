"""Thumbnails of many images, held in files without a name, so that a million of them need no memory."""

from __future__ import annotations

import os
import tempfile
import threading

import numpy as np
from numpy.typing import NDArray

from heldout.array_files import release_pages
from heldout.images.copies import SIDE

IN_MEMORY = 50_000
"""Images whose thumbnails stay in memory, 200 MB; among more changed copies are not looked for (`near`)."""

BLOCK = 16_384
"""Thumbnails in one file, 64 MB: as many are in memory at a time."""


class Thumbnails:
    """Takes thumbnails from several threads, and gives back arrays of the same content that stay in memory or do not.

    Args:
        images: How many there will be, about.
    """

    def __init__(self, images: int) -> None:
        self._on_disk = images > IN_MEMORY
        self._lock = threading.Lock()
        self._block: NDArray[np.uint8] | None = None
        self._filled = 0

    def keep(self, small: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The thumbnail, (64, 64) uint8; where there are many, a part of a mapped file."""
        if not self._on_disk or small.shape != (SIDE, SIDE):
            return small
        with self._lock:
            if self._block is None or self._filled == len(self._block):
                release_pages(self._block)
                self._block, self._filled = _opened(), 0
            kept: NDArray[np.uint8] = self._block[self._filled]
            self._filled += 1
        kept[:] = small
        return kept


def _opened() -> NDArray[np.uint8]:
    """Room for thumbnails in a file that the system takes back with the last of them; in memory where there is none."""
    shape = (BLOCK, SIDE, SIDE)
    try:
        with tempfile.TemporaryFile() as file:
            if hasattr(os, "posix_fallocate"):  # a map that the disk has no room for would end the process
                os.posix_fallocate(file.fileno(), 0, BLOCK * SIDE * SIDE)
            return np.asarray(np.memmap(file, dtype=np.uint8, mode="w+", shape=shape))
    except OSError:
        return np.empty(shape, dtype=np.uint8)
