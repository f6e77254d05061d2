"""A file that may hold an image: looked at before anything is decoded."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from heldout.images.errors import ImageError
from heldout.remote.mirror import MARK, filled
from heldout.remote.store import StoreError

HEAD = 4096
"""First bytes by which decoders tell their format. NIfTI's mark stands farthest from the start, at byte 344."""

MOST_CONTENT = 2 * 1024**3
"""Bytes of a file that are read into memory at once; formats of larger files are read from the disk in parts."""


@dataclass(frozen=True)
class ImageFile:
    """A regular file that is not empty.

    Attributes:
        path: Where it is.
        head: Its first bytes, at most `HEAD`.
        size: Its length in bytes.
        changed: When it was changed last, in nanoseconds.
    """

    path: Path
    head: bytes = field(repr=False)
    size: int
    changed: int

    @property
    def where(self) -> str:
        """How problems name it."""
        return str(self.path)

    @cached_property
    def content(self) -> bytes:
        """All bytes of the file.

        Raises:
            ImageError: It is larger than can be held, or cannot be read.
        """
        if self.size > MOST_CONTENT:
            raise ImageError(
                self.where,
                f"a file of {self.size / 1024**3:.1f} GiB",
                f"a file of at most {MOST_CONTENT // 1024**3} GiB in this format",
                "Cut it into tiles, or save it at a smaller size.",
            )
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise _unreadable(self.path, error) from error


def open_file(path: Path) -> ImageFile:
    """Look at a file; one that stands for an object in a store is fetched first.

    Raises:
        ImageError: It is missing, a folder, a pipe or a device, empty, or cannot be read; or the object is gone.
        StoreError: The store cannot be reached.
    """
    file = _look(path)
    if file.head.startswith(MARK) and _filled(path):
        return _look(path)
    return file


def _filled(path: Path) -> bool:
    try:
        return filled(path)
    except StoreError as error:
        if error.kind == "unreachable":  # true of all others too
            raise
        raise ImageError(str(path), f"an object that is {error.kind}", "one that can be read", str(error)) from error


def _look(path: Path) -> ImageFile:
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise ImageError(str(path), _kind(about.st_mode), "a regular file", "Name the image itself.")
        with path.open("rb") as file:
            head = file.read(HEAD)
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        raise _unreadable(path, error) from error
    if not head:
        raise ImageError(str(path), "an empty file (0 bytes)", "an image", "Copy the file again, or leave it out.")
    return ImageFile(path, head, about.st_size, about.st_mtime_ns)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe or socket" if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else "a device"


def _unreadable(path: Path, error: OSError | ValueError) -> ImageError:
    missing = "a link that leads nowhere" if path.is_symlink() else "no such file"
    why = missing if isinstance(error, FileNotFoundError) else str(getattr(error, "strerror", "") or error)
    return ImageError(str(path), why, "a readable file", "Correct the path or the rights of the file.")
