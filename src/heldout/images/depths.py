"""Which types of pixels are taken, and how others become one of them without loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heldout.images.errors import ImageError

Array = npt.NDArray[Any]

EXPECTED = "whole numbers of at most 31 bits and a sign, or floating-point numbers"

BITS = {
    "bool": 1,
    "uint8": 8,
    "int8": 8,
    "uint16": 16,
    "int16": 16,
    "uint32": 32,
    "int32": 32,
    "uint64": 64,
    "int64": 64,
    "float16": 16,
    "float32": 32,
    "float64": 64,
}
"""Types that `as_taken` knows -> bits."""

WIDER = {"int8": np.int16, "uint32": np.int32, "uint64": np.int32, "int64": np.int32}


def bits_of(dtype: np.dtype[Any]) -> int:
    """Bits of one value; 0 for a type that is not known."""
    return BITS.get(dtype.newbyteorder("=").name, 0)


def as_taken(pixels: Array, where: str) -> Array:
    """The same values as uint8, uint16, int16, int32 or float32, in the byte order of this machine.

    True and false become 255 and 0. 64-bit floating-point values are rounded to 32 bits, which keep 7 digits.

    Args:
        pixels: Values of any type of numpy's.
        where: The file, for the message.

    Raises:
        ImageError: Complex numbers or none, whole numbers that need more than 32 bits, or values that are not finite.
    """
    name = pixels.dtype.newbyteorder("=").name
    if name not in BITS:
        raise ImageError(where, f"values of the type {name}", EXPECTED, "Save it as whole or floating-point numbers.")
    if name == "bool":
        return pixels.astype(np.uint8) * np.uint8(255)
    if name.startswith("float"):
        return _finite(pixels, where)
    if name not in WIDER:
        return np.ascontiguousarray(pixels, dtype=np.dtype(name))
    wider = WIDER[name]
    limits = np.iinfo(wider)
    if pixels.size and (int(pixels.max()) > limits.max or int(pixels.min()) < limits.min):
        found = f"values from {pixels.min()} to {pixels.max()} in {name}"
        raise ImageError(where, found, EXPECTED, "Divide all images by one number, and save them again.")
    return pixels.astype(wider)


def _finite(pixels: Array, where: str) -> Array:
    with np.errstate(over="ignore"):
        single = pixels.astype(np.float32)
    strange = int((~np.isfinite(single)).sum())
    if strange:
        raise ImageError(
            where,
            f"{strange} of {single.size} pixels that are no finite number (NaN, infinite or beyond 32 bits)",
            "a finite number in every pixel",
            "Fill them in before saving: a network turns one of them into a useless result.",
        )
    return single
