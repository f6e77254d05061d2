"""Squares made while images are measured, so that no image is decoded a second time for its store.

Where the rule for their values is not known before all were read (percentiles of the training images, a choice of
channels), whole images are kept instead. They lie in a file without a name, which the system takes back when the
process ends, however it ends.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from heldout.data.squaring import Fitting, Pixels
from heldout.images import Decoded, ImageError, decode

SHARE = 4
"""What is kept takes at most one part in so many of what is free on the disk: the stores that squares become need as
much again, and runs need more."""

LARGEST = 2**26
"""Bytes of an image that is kept whole, at most: several threads take them back at once."""

Place = tuple[str, str, int]
"""Source, member and row of an image, as in a cohort's table."""


class Squares:
    """Squares by the places of their images; or the images themselves.

    Equal pixels do not make equal squares: two files may ask for different windows.

    Args:
        fittings: How squares are made: for every size, way and rule that will be asked for. None keeps whole images.
        near: The file lies on the disk of this folder, or of the next one above it that is there.
    """

    def __init__(self, fittings: Iterable[Fitting] | None, near: Path) -> None:
        self._fittings = None if fittings is None else {fitting.key: fitting for fitting in fittings}
        self._places: dict[tuple[object, ...], tuple[int, tuple[int, ...]]] = {}
        self._images: dict[Place, Decoded] = {}
        self._near = near
        self._lock = threading.Lock()
        self._file: IO[Any] | None = None
        self._room: int | None = None
        self._end = 0

    def keep(self, place: Place, image: Decoded) -> None:
        """Keep what is asked for of an image that was decoded; nothing where there is no room, or no rule for it."""
        if self._fittings is None:
            if image.pixels.nbytes <= LARGEST and self._write(place, image.pixels):
                self._images[place] = replace(image, pixels=np.empty(0, dtype=image.pixels.dtype))
            return
        for key, fitting in self._fittings.items():
            if self._room == 0:
                return
            try:
                square = fitting.fitted(image, " ".join(map(str, place)))
            except ImageError:  # told where the image is asked for
                continue
            self._write((*place, *key), square)

    def _write(self, key: tuple[object, ...], pixels: Pixels) -> bool:
        """Write them down; False where there is no room."""
        with self._lock:
            if self._room is None:
                self._file, self._room = _opened(self._near)
                if self._file is not None:
                    weakref.finalize(self, self._file.close)
            if self._file is None or self._end + pixels.nbytes > self._room:
                self._room = 0
                return False
            try:
                self._file.seek(self._end)
                self._file.write(np.ascontiguousarray(pixels).data)
            except OSError:  # the disk is full: what is not kept is decoded again
                self._room = 0
                return False
            self._places[key] = self._end, pixels.shape
            self._end += pixels.nbytes
            return True

    def take(self, place: Place, fitting: Fitting) -> Pixels | None:
        """(s, s, k) square of an image, as `Fitting.fitted` gives it; None where none was kept."""
        return self._read((*place, *fitting.key), fitting.dtype)

    def image(self, place: Place) -> Decoded | None:
        """An image that was kept whole, as it was decoded; None where it was not."""
        about = self._images.get(place)
        pixels = None if about is None else self._read(place, about.pixels.dtype)
        return None if about is None or pixels is None else replace(about, pixels=pixels)

    def _read(self, key: tuple[object, ...], dtype: Any) -> Pixels | None:
        found = self._places.get(key)
        if found is None or self._file is None:
            return None
        start, shape = found
        pixels = np.empty(shape, dtype=dtype)
        with self._lock:
            try:
                self._file.seek(start)
                read = self._file.readinto(pixels.data.cast("B"))  # type: ignore[attr-defined]
            except OSError:
                return None
        return pixels if read == pixels.nbytes else None


def image_at(root: Path, place: Place, squares: Squares | None) -> Decoded:
    """An image as it was kept whole, or else decoded.

    Args:
        root: Folder that the source is relative to.
        place: Of the image.
        squares: What was kept when the images were measured.

    Raises:
        ImageError: As for `images.decode`.
    """
    source, member, row = place
    kept = None if squares is None else squares.image(place)
    return decode(root / source, member, row) if kept is None else kept


def _opened(near: Path) -> tuple[IO[Any] | None, int]:
    """A file without a name and the bytes it may take; None where none can be had, and nothing else is wrong."""
    there = next((folder for folder in (near, *near.absolute().parents) if folder.is_dir()), Path())
    try:
        return tempfile.TemporaryFile(dir=there, buffering=0), shutil.disk_usage(there).free // SHARE
    except OSError:
        return None, 0
