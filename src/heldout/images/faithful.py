"""Values of an array in one of the types that images have, or not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heldout.images.errors import ImageError

WIDENED: dict[str, type[np.generic]] = {
    "bool": np.uint8,
    "uint8": np.uint8,
    "int8": np.int16,
    "uint16": np.uint16,
    "int16": np.int16,
    "int32": np.int32,
    "uint32": np.int32,
    "int64": np.int32,
    "uint64": np.int32,
    "float16": np.float32,
    "float32": np.float32,
    "float64": np.float32,
}
"""Type of an array -> type of its images: float64 is rounded to 24 bits, which no sensor has more of; of wider whole
numbers those that fit are taken."""

BITS = {"uint8": 8, "uint16": 16, "int16": 16, "int32": 32, "float32": 32}


def faithful(pixels: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """One image of an array as uint8, uint16, int16, int32 or float32; true and false as 255 and 0.

    Args:
        pixels: The image.
        where: How to name it.

    Raises:
        ImageError: A type that is not in `WIDENED`, values that are not finite, or whole numbers beyond 31 bits.
    """
    name = pixels.dtype.newbyteorder("=").name
    if name not in WIDENED:
        raise ImageError(where, f"{name} values", "whole or floating-point numbers", "Save the image as numbers.")
    if name == "bool":
        return pixels.astype(np.uint8) * np.uint8(255)
    with np.errstate(over="ignore", invalid="ignore"):
        kept = pixels.astype(WIDENED[name])
    if kept.dtype.kind == "f":
        wrong = int(kept.size - np.isfinite(kept).sum())
        if wrong:
            found = f"{wrong:,} values that are no finite numbers"
            raise ImageError(where, found, "finite numbers", "Save the image with a number for every pixel.")
    elif kept.dtype != pixels.dtype and not np.array_equal(kept, pixels):
        found = f"{pixels.dtype} values up to {pixels.max()}"
        raise ImageError(where, found, "values of at most 31 bits", "Save them as float32, or as a type they fit.")
    return kept
