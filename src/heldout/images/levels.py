"""Two depths of the same pixels: floats in 0 … 1, and the 8 bits that measures of quality, JPEG and eyes take."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heldout.images.channels import projected, projection
from heldout.images.decoded import Decoded
from heldout.images.intensity import USUAL, percentiles, scaled

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]


def eight_bit(pixels: Array) -> Bytes:
    """Squares in 8 bits, grey or RGB: uint8 as they are, floats rounded, more than three channels mixed into three.

    Args:
        pixels: (…, c) uint8, or floats in 0 … 1.

    Returns:
        (…, 1 or 3).
    """
    shown = pixels if pixels.shape[-1] in (1, 3) else projected(pixels)
    if shown.dtype == np.uint8:
        return np.asarray(shown, dtype=np.uint8)
    values = shown.astype(np.float32) * (1 if pixels.dtype == np.uint8 else 255)
    result: Bytes = np.rint(values).clip(0, 255).astype(np.uint8)
    return result


def carried(pixels: Array, before: Bytes, after: Bytes) -> Array:
    """Squares with a change that was made in 8 bits: what was changed there is added, what 8 bits cannot show stays.

    So an image that the change leaves alone stays as it is, to the last bit.

    Args:
        pixels: (n, s, s, c) floats in 0 … 1, or uint8 of other than 1 or 3 channels.
        before: `eight_bit(pixels)`.
        after: The same, changed.
    """
    change = after.astype(np.float32) - before.astype(np.float32)
    c = pixels.shape[-1]
    if change.shape[-1] != c:  # each channel in the proportion in which it is seen
        change = change @ (projection(c).T * (c / 3))
    if pixels.dtype == np.uint8:
        whole: Array = np.rint(pixels + change).clip(0, 255).astype(np.uint8)
        return whole
    result: Array = np.clip(pixels.astype(np.float32) + change / 255, 0, 1).astype(pixels.dtype)
    return result


def in_bytes(pixels: Array) -> npt.NDArray[np.float32]:
    """Values on the scale 0 … 255, not rounded: uint8 as they are, floats in 0 … 1 times 255."""
    values: npt.NDArray[np.float32] = pixels.astype(np.float32)
    return values if pixels.dtype == np.uint8 else values * np.float32(255)


def preview(image: Decoded) -> Bytes:
    """An image of any depth in 8 bits before a policy is chosen, for eyes and for the search of copies.

    8-bit grey and RGB as it is; else each image by its own percentiles.

    Returns:
        (h, w) or (h, w, 3).
    """
    if image.eight_bit:
        pixels: Bytes = image.pixels
        return pixels
    values = scaled(image.pixels, percentiles(image, USUAL))
    return eight_bit(values[..., None])[..., 0] if values.ndim == 2 else eight_bit(values)
