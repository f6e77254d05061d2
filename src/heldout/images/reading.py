"""One image, wherever it lies: a file, or a row of an array."""

from __future__ import annotations

from pathlib import Path

from typing import Any

import numpy as np
import numpy.typing as npt

from heldout.images.arrays import check_pixels, faithful, open_array
from heldout.images.decoded import Decoded, Photometric
from heldout.images.errors import ImageError
from heldout.images.files import decode_file
from heldout.images.prepare import refuse_deep

ARRAY_SUFFIXES = (".npy", ".npz")


def read_pixels(path: Path, member: str = "", row: int = -1) -> npt.NDArray[np.uint8]:
    """Read one image faithfully or not at all.

    Args:
        path: An image file, `.npy` or `.npz`.
        member: Name of the array inside an `.npz` file.
        row: Row of the array, or −1 if the file holds one image.

    Returns:
        (h, w) for grey, (h, w, 3) for colour, uint8. RGB whose three channels are equal everywhere is grey.

    Raises:
        ImageError: It cannot be read, or not without loss; says what was found, expected, and what to do.
    """
    image = decode(path, member, row)
    refuse_deep(image, str(path))
    pixels: npt.NDArray[np.uint8] = image.pixels
    return pixels


def decode(path: Path, member: str = "", row: int = -1) -> Decoded:
    """Like `read_pixels`, with the depth of the file beside.

    Raises:
        ImageError: As for `read_pixels`.
    """
    if path.suffix.lower() not in ARRAY_SUFFIXES:
        pixels, bits = decode_file(path)
        return _decoded(pixels, bits)
    array = open_array(path, member)
    where = f"{path} [{member}]" if member else str(path)
    if row < 0:
        check_pixels(array, where, one=True)
        return of_array(np.array(array), where)
    check_pixels(array, where)
    if row >= len(array):
        raise ImageError(
            f"{where} row {row}",
            f"row {row} of an array of {len(array)} images",
            f"a row from 0 to {len(array) - 1}",
            "Rows are counted from 0; correct the row, or leave the line out.",
        )
    return of_array(np.array(array[row]), f"{where} row {row}")


def of_array(pixels: npt.NDArray[Any], where: str) -> Decoded:
    """An image (h, w) or (h, w, k) of an array, k = 3 being red, green and blue.

    Raises:
        ImageError: Values that are not finite, or beyond 32 bits.
    """
    kept = faithful(pixels, where)
    return _decoded(kept, 8 * kept.dtype.itemsize)


def _decoded(pixels: npt.NDArray[Any], bits: int) -> Decoded:
    kept = as_grey(pixels)
    kind: Photometric = "grey" if kept.ndim == 2 else "rgb" if kept.shape[-1] == 3 else "channels"
    return Decoded(kept, bits, kind)


def as_grey(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(h, w, 1), and (h, w, 3) with three equal channels, as (h, w); others as they are."""
    if pixels.ndim == 2 or pixels.shape[-1] not in (1, 3):
        return pixels
    first = pixels[..., 0]
    if pixels.shape[-1] == 1 or (np.array_equal(first, pixels[..., 1]) and np.array_equal(first, pixels[..., 2])):
        return np.ascontiguousarray(first)
    return pixels
