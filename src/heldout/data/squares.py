"""Squares made while images are measured, so that no image is decoded a second time for its store.

They lie in a file without a name, which the system takes back when the process ends, however it ends.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from heldout.data.squaring import Fitting, Pixels
from heldout.images import Decoded, ImageError

SHARE = 4
"""Squares take at most one part in so many of what is free on the disk: the stores that they become need as much again,
and runs need more."""


class Squares:
    """Squares by the content of their images.

    Args:
        fittings: How squares are made: for every size, way and rule that will be asked for.
        near: The file lies on the disk of this folder, or of the next one above it that is there.
    """

    def __init__(self, fittings: Iterable[Fitting], near: Path) -> None:
        self._fittings = {fitting.key: fitting for fitting in fittings}
        self._places: dict[tuple[object, ...], tuple[int, tuple[int, ...]]] = {}
        self._near = near
        self._lock = threading.Lock()
        self._file: IO[Any] | None = None
        self._room: int | None = None
        self._end = 0

    def keep(self, content: str, image: Decoded) -> None:
        """Make the squares of an image that was decoded; where there is no room, or no rule for it, none is made."""
        for key, fitting in self._fittings.items():
            if self._room == 0 or (content, *key) in self._places:
                continue
            try:
                square = fitting.fitted(image, content)
            except ImageError:  # told where the image is asked for
                continue
            self._write((content, *key), square)

    def _write(self, key: tuple[object, ...], square: Pixels) -> None:
        with self._lock:
            if self._room is None:
                self._file, self._room = _opened(self._near)
                if self._file is not None:
                    weakref.finalize(self, self._file.close)
            if self._file is None or self._end + square.nbytes > self._room:
                self._room = 0
                return
            try:
                self._file.seek(self._end)
                self._file.write(np.ascontiguousarray(square).data)
            except OSError:  # the disk is full: what is not kept is decoded again
                self._room = 0
                return
            self._places[key] = self._end, square.shape
            self._end += square.nbytes

    def take(self, content: str, fitting: Fitting) -> Pixels | None:
        """(s, s, k) square of an image, as `Fitting.fitted` gives it; None where none was kept."""
        place = self._places.get((content, *fitting.key))
        if place is None or self._file is None:
            return None
        start, shape = place
        square = np.empty(shape, dtype=fitting.dtype)
        with self._lock:
            try:
                self._file.seek(start)
                read = self._file.readinto(square.data.cast("B"))  # type: ignore[attr-defined]
            except OSError:
                return None
        return square if read == square.nbytes else None


def _opened(near: Path) -> tuple[IO[Any] | None, int]:
    """A file without a name and the bytes it may take; None where none can be had, and nothing else is wrong."""
    there = next((folder for folder in (near, *near.absolute().parents) if folder.is_dir()), Path())
    try:
        return tempfile.TemporaryFile(dir=there, buffering=0), shutil.disk_usage(there).free // SHARE
    except OSError:
        return None, 0
