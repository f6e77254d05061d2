"""Images that are rows of an array: `.npy` mapped from disk, `.npz` in memory; nothing is ever unpickled."""

from __future__ import annotations

import math
import threading
import weakref
import zipfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from heldout.array_files import release_pages
from heldout.files import check_regular, open_regular
from heldout.images.errors import ImageError
from heldout.images.faithful import WIDENED
from heldout.images.memory import free_memory

Array = npt.NDArray[Any]

SHAPES = "an array of 8-bit images (uint8) of shape (n, h, w), (n, h, w, 1) or (n, h, w, 3)"

DEEP_SHAPES = "an array of images of 8, 16 or 32 bits (uint8, uint16, int16, int32 or float32), shape (n, h, w[, k])"

MOST_CHANNELS = 16
"""Channels of an image at most: more are rows or columns in the wrong place."""

COLOURS = 4
"""A first axis of an image as short as this, before a longer last one, is taken for channels that stand in front."""

BOMB = 2**30
"""Bytes from which on an array is not believed that is packed too well."""

FULLEST = 200
"""How well images can be packed at most: even those of black frames with a little noise are not packed to a 200th."""

ARRAYS = (np.lib.format.MAGIC_PREFIX, b"PK")
"""How `.npy` files begin, and `.npz` files, which are zip archives."""

PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
"""How pickles of protocol 2 to 5 begin (`pickletools`: PROTO and its number); older ones begin with anything."""

_lock = threading.Lock()

_mapped: weakref.WeakValueDictionary[str, Array] = weakref.WeakValueDictionary()
"""Path -> its array, of those that are mapped now."""


def open_array(path: Path, member: str = "") -> Array:
    """The array in an `.npy` file, mapped from disk, or one array of an `.npz` file, in memory.

    Args:
        path: The file.
        member: Name of the array inside an `.npz` file.

    Returns:
        The array, read-only where it is mapped. The last few are kept open, until their file changes.

    Raises:
        ImageError: The file is missing, damaged, holds pickled objects, or has no such array.
    """
    try:
        stat = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        raise _missing(path) from error
    with _lock:  # threads that want the same .npz array decompress it once
        return _open(str(path), member, stat.st_mtime_ns, stat.st_size)


def release_arrays() -> None:
    """Give back the pages of mapped arrays that images were read from: they are read again from the file."""
    for array in tuple(_mapped.values()):
        release_pages(array)


@lru_cache(maxsize=4)
def _open(path: str, member: str, _changed: int, _size: int) -> Array:
    if member and member not in (names := open_archive(Path(path))):
        raise ImageError(
            path,
            f"no array '{member}' (there are: {', '.join(names) or 'none'})",
            f"an array '{member}'",
            "Correct the name, or write the array into the file.",
        )
    try:
        check_regular(Path(path))
        if member:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
                _refuse_large(path, member, archive.zip)
                array: Array = archive[member]
                return array
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            _mapped[path] = loaded
            return loaded
        loaded.close()
        raise ValueError("an .npz archive, not one array: name the array")
    except ImageError:
        raise
    except Exception as error:  # a damaged file makes numpy and zipfile raise nearly anything
        raise _refusal(path, member, error) from error


def _refuse_large(path: str, member: str, archive: zipfile.ZipFile) -> None:
    """Stop before an array is unpacked that the memory has no room for, by what its own header says.

    Raises:
        ImageError: It has none, or the array is packed better than images can be.
    """
    info = _info_of(archive, member)
    with archive.open(info) as file:
        shape, dtype = _header_of(file)
    size, room = math.prod(shape) * dtype.itemsize, free_memory()
    if size > room or (size > BOMB and size > FULLEST * info.compress_size):
        raise ImageError(
            f"{path} [{member}]",
            f"an array of {size / 2**30:.1f} GiB, packed into {info.compress_size / 2**20:,.1f} MiB",
            f"at most {room / 2**30:.1f} GiB, the memory that is free, packed to a {FULLEST}th at most",
            "Save it with np.save as an .npy file, which is read from disk in parts.",
        )


def _info_of(archive: zipfile.ZipFile, member: str) -> zipfile.ZipInfo:
    return archive.getinfo(f"{member}.npy" if f"{member}.npy" in archive.namelist() else member)


def _header_of(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array, as the header of its `.npy` file says."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def close_arrays() -> None:
    """Let go of the arrays that are kept open: what was read of a mapped file counts as memory of the process."""
    _open.cache_clear()


def open_archive(path: Path) -> tuple[str, ...]:
    """The names of the arrays in an `.npz` file, without reading them.

    Raises:
        ImageError: The file is missing or no `.npz` file.
    """
    if not path.is_file():
        raise _missing(path)
    try:
        # numpy leaves a file open that it opened itself and then found damaged
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return tuple(archive.files)
    except Exception as error:  # as above; an .npy file called .npz has no `files` either
        raise _refusal(str(path), "", error) from error


def _missing(path: Path) -> ImageError:
    return ImageError(str(path), "no such file", "a readable file", "Correct the path, or put the file there.")


def _refusal(path: str, member: str, error: Exception) -> ImageError:
    if _is_pickled(Path(path), member):
        return ImageError(
            path,
            "pickled Python objects, which can run code when they are opened",
            SHAPES,
            "Stack images of one size with np.stack(images).astype('uint8') and save that; for images of differing "
            "sizes write image files and a manifest.",
        )
    by_system = isinstance(error, OSError)  # a pipe, no rights, a broken disk
    told = by_system or _is_array_file(Path(path))
    why = f"{type(error).__name__}: {str(error)[:100]}" if told else "it begins as no array does"
    return ImageError(
        path,
        f"a file that numpy cannot read ({why})",
        SHAPES,
        "The file is damaged, cut off or of another kind: copy it again, or save it again with np.save or np.savez.",
    )


def _is_array_file(path: Path) -> bool:
    """Whether a file begins as `.npy` and `.npz` files do; numpy calls any other a pickle, and tells how to open it."""
    with suppress(OSError), open_regular(path) as file:
        return file.read(len(ARRAYS[0])).startswith(ARRAYS)
    return False


def _is_pickled(path: Path, member: str) -> bool:
    """Whether a file is a pickle by its first bytes, or holds an array of Python objects by the array's own header."""
    try:
        with open_regular(path) as file:
            begin = file.read(len(PICKLES[0]))
            if begin in PICKLES:
                return True
            file.seek(0)
            if not member:
                return _header_of(file)[1].hasobject
            with zipfile.ZipFile(file) as archive, archive.open(_info_of(archive, member)) as inside:
                return _header_of(inside)[1].hasobject
    except Exception:  # as above: what is damaged has no header
        return False


def check_pixels(array: Array, where: str, one: bool = False, any_depth: bool = False) -> None:
    """Refuse what is no image, or not 8-bit grey or RGB.

    Args:
        array: The images, or with `one` a single image.
        where: The file and array, for the message.
        one: Whether the array is one image (h, w[, k]) and not n of them.
        any_depth: Whether more than 8 bits and k channels are taken too.

    Raises:
        ImageError: Another dtype or shape, or images of zero size.
    """
    expected = "one 8-bit image (uint8) of shape (h, w), (h, w, 1) or (h, w, 3)" if one else SHAPES
    expected = DEEP_SHAPES if any_depth and not one else expected
    found = f"{array.dtype} of shape {array.shape}"
    first = 0 if one else 1
    dimensions = array.ndim - first
    channels = range(1, MOST_CHANNELS + 1) if any_depth else (1, 3)
    in_front = dimensions == 3 and array.shape[first] <= COLOURS < array.shape[-1]
    if dimensions not in (2, 3) or in_front or (dimensions == 3 and array.shape[-1] not in channels):
        raise ImageError(where, found, expected, _shape_remedy(array, one))
    known = array.dtype.newbyteorder("=").name in WIDENED if any_depth else array.dtype == np.uint8
    if not known:
        raise ImageError(where, found, expected, _dtype_remedy(array))
    if 0 in array.shape[first:]:
        raise ImageError(where, f"images of zero size, {found}", expected, "Save the images again; these are empty.")
    if not one and len(array) == 0:
        raise ImageError(where, f"no image, {found}", expected, "Put images into the array, or remove the file.")


def _shape_remedy(array: Array, one: bool) -> str:
    if array.ndim == 1:
        return "One number a row is a list of labels: write a manifest that points at the rows, see `docs/data.md`."
    if array.ndim == (3 if one else 4) and array.shape[0 if one else 1] <= COLOURS:
        return "Move the colours to the end: np.moveaxis(array, " + ("0" if one else "1") + ", -1)."
    if one and array.ndim in (3, 4):
        return "An array of several images needs the row: give a column `row` in the manifest."
    return "Choose or combine channels so that 1 (grey) or 3 (RGB) remain; volumes have to be cut into slices."


def _dtype_remedy(array: Array) -> str:
    if array.dtype == np.bool_:
        return "Save array.astype('uint8') * 255."
    low, high = (array.min(), array.max()) if array.size and array.dtype.kind in "iuf" else (0, 0)
    if array.dtype.kind in "iu" and low >= 0 and high <= 255:
        return f"All values lie in {low} … {high}: save array.astype('uint8')."
    if array.dtype.kind not in "iuf":
        return "Save the images as numbers: uint8, uint16, int16, int32 or float32."
    return (
        f"Values lie in {low} … {high}. Choose the grey levels that matter yourself and save them as 0 … 255 in uint8, "
        "with one scale for all images: cutting to 8 bits here would decide it in silence."
    )
