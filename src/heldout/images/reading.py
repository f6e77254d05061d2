"""One image, wherever it lies: a file, or a row of an array."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from heldout.images.arrays import check_pixels, open_array
from heldout.images.decoded import Decoded
from heldout.images.errors import ImageError
from heldout.images.faithful import BITS, faithful
from heldout.images.files import decode_file

ARRAY_SUFFIXES = (".npy", ".npz")

NOISY = "(PIL|pydicom|tifffile|nibabel)"
"""Libraries that warn of a damaged file and then raise, which is enough."""

Item = TypeVar("Item", bound=np.generic)


def decode(path: Path, member: str = "", row: int = -1) -> Decoded:
    """Read one image as its file has it, of any depth.

    Args:
        path: An image file, `.npy` or `.npz`.
        member: Name of the array inside an `.npz` file, or part of a file of several (a level, a scene).
        row: Row of the array, frame, page or slice; −1 if the file holds one image.

    Returns:
        The image. RGB whose three channels are equal everywhere is grey.

    Raises:
        ImageError: It cannot be read, or not without loss; says what was found, expected, and what to do.
    """
    if path.suffix.lower() not in ARRAY_SUFFIXES:
        decoded = decode_file(path, member, row)
    else:
        decoded = _decode_row(path, member, row)
    return grey_if_equal(_narrowed(decoded))


def _narrowed(decoded: Decoded) -> Decoded:
    """8 bits that a file keeps in 16 as 8 bits; others as they are."""
    pixels = decoded.pixels
    if decoded.bits > 8 or pixels.dtype != np.uint16 or pixels.max() > np.iinfo(np.uint8).max:
        return decoded
    return replace(decoded, pixels=pixels.astype(np.uint8))


def read_pixels(path: Path, member: str = "", row: int = -1) -> npt.NDArray[np.uint8]:
    """Read one image of 8-bit grey or RGB faithfully or not at all.

    Args:
        path: As for `decode`.
        member: As for `decode`.
        row: As for `decode`.

    Returns:
        (h, w) for grey, (h, w, 3) for colour, uint8.

    Raises:
        ImageError: It cannot be read, or has more than 8 bits or other channels.
    """
    return eight_bits(decode(path, member, row), place_of(path, member, row))


def eight_bits(decoded: Decoded, where: str) -> npt.NDArray[np.uint8]:
    """The pixels of an image that is 8-bit grey or RGB.

    Raises:
        ImageError: It is anything else.
    """
    pixels = decoded.pixels
    if decoded.photometric == "channels":
        raise ImageError(
            where,
            f"{pixels.shape[-1]} channels that are not red, green and blue{_named(decoded.channel_names)}",
            "grey or RGB, or a choice of channels",
            "Choose with --channels select:…, project or adapt (in Python: channels=), for all images alike.",
        )
    if pixels.dtype != np.uint8:
        kind = "floating-point values" if pixels.dtype.kind == "f" else "more than 8 bits a channel"
        raise ImageError(
            where,
            f"{kind} ({decoded.bits} bits, values {pixels.min():g} … {pixels.max():g})",
            "an 8-bit image, or an intensity policy",
            "Choose how its values become black and white with --intensity (in Python: intensity=), for all alike.",
        )
    return pixels


def _named(names: Sequence[str]) -> str:
    return f" ({', '.join(names[:8])})" if names else ""


def place_of(path: Path, member: str = "", row: int = -1) -> str:
    """How problems name an image: the file, with the part and row in it."""
    return f"{path}" + (f" [{member}]" if member else "") + (f" row {row}" if row >= 0 else "")


@contextmanager
def quietly() -> Iterator[None]:
    """Without the warnings of the libraries that decode. For the thread that starts others, not for these."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=NOISY)
        yield


def as_grey(pixels: npt.NDArray[Item]) -> npt.NDArray[Item]:
    """(h, w, 1), and (h, w, 3) with three equal channels, as (h, w); other colour as it is."""
    if pixels.ndim == 2:
        return pixels
    first = pixels[..., 0]
    equal = pixels.shape[-1] == 3 and np.array_equal(first, pixels[..., 1]) and np.array_equal(first, pixels[..., 2])
    return np.ascontiguousarray(first) if pixels.shape[-1] == 1 or equal else pixels


def _decode_row(path: Path, member: str, row: int) -> Decoded:
    array = open_array(path, member)
    where = place_of(path, member)
    check_pixels(array, where, one=row < 0, any_depth=True)
    if row >= 0 and row >= len(array):
        raise ImageError(
            f"{where} row {row}",
            f"row {row} of an array of {len(array)} images",
            f"a row from 0 to {len(array) - 1}",
            "Rows are counted from 0; correct the row, or leave the line out.",
        )
    return of_array(np.array(array if row < 0 else array[row]), place_of(path, member, row))


def of_array(pixels: npt.NDArray[Any], where: str) -> Decoded:
    """An image (h, w) or (h, w, k) of an array; three channels are red, green and blue.

    Raises:
        ImageError: Values that are not finite, or whole numbers beyond 31 bits.
    """
    kept = faithful(pixels, where)
    channels = kept.shape[-1] if kept.ndim == 3 else 1
    photometric = {1: "grey", 3: "rgb"}.get(channels, "channels")
    return Decoded(kept, BITS[kept.dtype.name], photometric)  # type: ignore[arg-type]


def grey_if_equal(decoded: Decoded) -> Decoded:
    """RGB whose three channels are equal everywhere, and one channel of its own axis, as grey; others as they are."""
    pixels = as_grey(decoded.pixels)
    if pixels is decoded.pixels:
        return decoded
    return replace(decoded, pixels=pixels, photometric="grey", channel_names=())
