"""How much memory images may take: each by itself, and all that threads decode at once."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from heldout.images.errors import ImageError

MOST_PIXELS = 178_956_970
"""Pixels of one image: Pillow's own limit, beyond which it refuses (twice its `MAX_IMAGE_PIXELS`)."""

MOST_BYTES = 384 * 2**20
"""Bytes of one decoded image: 134 million pixels of RGB. Decoding it takes 1.5 GiB for a moment."""

COPIES = 4
"""Arrays of an image's size that live at once while it is decoded, hashed and made small; Pillow's RGB counts for one
and a third."""

BUDGET = COPIES * MOST_BYTES
"""Bytes that all threads together may take: the largest image by itself, or smaller ones side by side."""

FREE = 2**20
"""Images below this many bytes are not counted: a thousand threads of them do not matter."""

LARGE = 2**28
"""Bytes reserved for an image from which on memory is given back to the system after it."""

_room = threading.Condition()
_taken = 0
_mine = threading.local()


def reserve(width: int, height: int, channels: int, item_bytes: int, where: str) -> None:
    """Take memory for an image that is about to be decoded; waits until other threads leave enough.

    Args:
        width: Pixels.
        height: Pixels.
        channels: Values a pixel.
        item_bytes: Bytes a value.
        where: The file, for the message.

    Raises:
        ImageError: The image is larger than any image may be.
    """
    refuse_too_large(width, height, channels, item_bytes, where)
    size = width * height * channels * item_bytes
    _give_back()
    if size >= FREE:
        _take(min(size * COPIES, BUDGET))


def refuse_too_large(width: int, height: int, channels: int, item_bytes: int, where: str) -> None:
    """Refuse what is larger than any image may be; arguments as for `reserve`.

    Raises:
        ImageError: It is.
    """
    size = width * height * channels * item_bytes
    if width * height > MOST_PIXELS or size > MOST_BYTES:
        raise too_large(where, f"{width} × {height} pixels ({size / 2**20:,.0f} MiB when decoded)")


def free_memory() -> int:
    """Bytes of memory that can be had without moving anything to disk."""
    import psutil

    return int(psutil.virtual_memory().available)


def too_large(where: str, found: str) -> ImageError:
    """The refusal of an image that no memory is given to."""
    return ImageError(
        where,
        found,
        f"at most {MOST_PIXELS / 1e6:.0f} million pixels and {MOST_BYTES / 2**20:.0f} MiB in one image",
        "Cut it into tiles, or save it at a smaller size.",
    )


@contextmanager
def one_image() -> Iterator[None]:
    """Work on one image: what was reserved for it counts until the end, however long its pixels are worked on."""
    outer = getattr(_mine, "depth", 0)
    _mine.depth = outer + 1
    try:
        yield
    finally:
        _mine.depth = outer
        if not outer:
            _give_back()


def _take(size: int) -> None:
    global _taken
    with _room:
        _room.wait_for(lambda: _taken + size <= BUDGET)
        _taken += size
    _mine.held = size


def _give_back() -> None:
    global _taken
    held = getattr(_mine, "held", 0)
    if held:
        if held >= LARGE:
            _return_freed()
        with _room:
            _taken -= held
            _room.notify_all()
        _mine.held = 0


def _return_freed() -> None:
    """Have glibc give back what was freed: it keeps half a gigabyte for each thread. Elsewhere there is no need."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
