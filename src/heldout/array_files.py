"""Arrays in files: room is taken before they are filled, and a checksum tells whether they are what was written.

A map of a file that the disk has no room for ends the process without a word when it is written to (SIGBUS); taken
beforehand, the room is there or it is an ordinary error. The checksum is CRC-32, which any damaged byte changes and
which costs less than reading the file: it is against accidents, not against forgers.
"""

from __future__ import annotations

import errno
import mmap
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from heldout.files import open_regular, read_json, write_json

CHECKSUMS = "checksums.json"
"""Beside the arrays of a folder: name -> CRC-32. Folders of 0.1.0 have none and are believed."""

BLOCK = 1 << 24
"""Bytes read at a time."""

_known: dict[tuple[str, int, int, int], str] = {}
"""Files whose checksum was computed by this process: path, size, time of change in nanoseconds, number -> CRC-32."""


def create_array(file: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """A new `.npy` file, mapped for writing, whose room on the disk is taken.

    Args:
        file: The file; what stands there is replaced.
        dtype: Of the array.
        shape: Of the array.

    Raises:
        OSError: There is no room for it.
    """
    mapped = np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=shape)
    take_room(file)
    return mapped


def take_room(file: Path) -> None:
    """Have the disk set aside all of a file that was only given its length.

    Raises:
        OSError: There is no room for it.
    """
    if not hasattr(os, "posix_fallocate"):  # macOS and Windows have no such call
        return
    handle = os.open(file, os.O_RDWR)
    try:
        os.posix_fallocate(handle, 0, max(os.fstat(handle).st_size, 1))
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):  # a file system that cannot tell
            raise OSError(error.errno, os.strerror(error.errno or 0), str(file)) from error
    finally:
        os.close(handle)


def release_pages(values: object) -> None:
    """Take the pages of a mapped array out of this process's memory: a pass over a file then needs no memory for it.

    Nothing is lost: what was written is in the system's hands, and what is read again comes from there or from the
    disk. A private copy (numpy's mode `c`) is left alone, and so is an array that is not mapped.

    Args:
        values: An array, a part of one, or what stands for rows of one (its `base`).
    """
    while not isinstance(values, mmap.mmap):
        if values is None or (isinstance(values, np.memmap) and values.mode == "c"):
            return
        values = getattr(values, "base", None)
    if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        values.madvise(mmap.MADV_DONTNEED)


def seal(folder: Path) -> None:
    """Write down the checksums of a folder's arrays, which are finished."""
    write_json(folder / CHECKSUMS, {file.name: checksum(file) for file in sorted(folder.glob("[!.]*.npy"))})


def is_sound(file: Path) -> bool:
    """Whether a sealed array is there and is what was written; one that was never sealed only has to be there."""
    try:
        wanted = read_json(file.parent / CHECKSUMS).get(file.name)
    except FileNotFoundError:
        return file.is_file() and file.stat().st_size > 0
    except (OSError, ValueError, AttributeError):
        return False
    try:
        return bool(checksum(file) == wanted)
    except OSError:
        return False


def open_array_file(file: Path) -> NDArray[Any] | None:
    """A sealed array, mapped from disk; None where it is missing or damaged."""
    if not is_sound(file):
        return None
    try:
        mapped: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
        return mapped
    except (OSError, ValueError, EOFError):
        return None


def checksum(file: Path) -> str:
    """CRC-32 of a file in hexadecimal digits, read once a process as long as it is not changed.

    Raises:
        OSError: It cannot be read.
    """
    with open_regular(file) as opened:
        about = os.fstat(opened.fileno())
        key = (str(file), about.st_size, about.st_mtime_ns, about.st_ino)
        if key not in _known:
            found = 0
            while block := opened.read(BLOCK):
                found = zlib.crc32(block, found)
            _known[key] = f"{found:08x}"
        return _known[key]
