"""One image, wherever it lies: a file, or a row of an array."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heldout.images.arrays import check_pixels, open_array
from heldout.images.errors import ImageError
from heldout.images.files import decode_file

ARRAY_SUFFIXES = (".npy", ".npz")


@dataclass(frozen=True)
class Decoded:
    """An image as read.

    Attributes:
        pixels: (h, w) or (h, w, 3) uint8.
        bits: Bits a channel in the file: 8, or 1 for a black-and-white image.
    """

    pixels: npt.NDArray[np.uint8]
    bits: int


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
    return decode(path, member, row).pixels


def decode(path: Path, member: str = "", row: int = -1) -> Decoded:
    """Like `read_pixels`, with the depth of the file beside.

    Raises:
        ImageError: As for `read_pixels`.
    """
    if path.suffix.lower() not in ARRAY_SUFFIXES:
        pixels, bits = decode_file(path)
        return Decoded(as_grey(pixels), bits)
    array = open_array(path, member)
    where = f"{path} [{member}]" if member else str(path)
    if row < 0:
        check_pixels(array, where, one=True)
        return Decoded(as_grey(np.array(array)), 8)
    check_pixels(array, where)
    if row >= len(array):
        raise ImageError(
            f"{where} row {row}",
            f"row {row} of an array of {len(array)} images",
            f"a row from 0 to {len(array) - 1}",
            "Rows are counted from 0; correct the row, or leave the line out.",
        )
    return Decoded(as_grey(np.array(array[row])), 8)


def as_grey(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(h, w, 1), and (h, w, 3) with three equal channels, as (h, w); other colour as it is."""
    if pixels.ndim == 2:
        return pixels
    first = pixels[..., 0]
    if pixels.shape[-1] == 1 or (np.array_equal(first, pixels[..., 1]) and np.array_equal(first, pixels[..., 2])):
        return np.ascontiguousarray(first)
    return pixels
