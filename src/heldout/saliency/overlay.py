"""A map laid over its image, as bytes of a PNG file."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from heldout.errors import UsageError
from heldout.images.levels import eight_bit

VIRIDIS = (
    "440154 481a6c 472f7d 414487 39568c 31688e 2a788e 23888e 1f988b 22a884 35b779 54c568 7ad151 a5db36 d2e21b fde725"
)
"""Every 17th of the 256 colours of viridis by Smith and van der Walt (matplotlib 1.5, dedicated to the public domain
under CC0): equal steps look equal, in grey and to the colour-blind too."""

STRENGTH = 0.65
"""Opacity where a map is 1: the image shows through; where the map is 0 it is as it was."""

COLOURS = np.array([[int(colour[at : at + 2], 16) for at in (0, 2, 4)] for colour in VIRIDIS.split()], dtype=np.float64)


def overlay(pixels: NDArray[Any], map_: NDArray[Any], strength: float = STRENGTH) -> bytes:
    """An image with a map over it: the greater the map, the brighter its colour and the less shows through.

    Args:
        pixels: (s, s, c) square, uint8 or floats in 0 … 1.
        map_: (h, w) in 0 … 1, enlarged by linear interpolation between the middles of its places.
        strength: Opacity where the map is 1.

    Returns:
        A PNG file of s × s pixels, RGB; equal arguments give equal bytes.

    Raises:
        UsageError: Arrays of other shapes, or a map outside 0 … 1.

    >>> overlay(np.zeros((8, 8, 1), dtype=np.uint8), np.eye(2, dtype=np.float32))[1:4]
    b'PNG'
    """
    if pixels.ndim != 3 or map_.ndim != 2 or not (np.isfinite(map_).all() and map_.min() >= 0 and map_.max() <= 1):
        raise UsageError(
            f"Found pixels of shape {pixels.shape} and a map of shape {map_.shape}; "
            "expected (s, s, c) and (h, w) of numbers in 0 … 1."
        )
    height, width = pixels.shape[:2]
    image = np.broadcast_to(eight_bit(pixels), (height, width, 3)).astype(np.float64)
    small = Image.fromarray(np.asarray(map_, dtype=np.float32))
    value = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float64).clip(0, 1)
    steps = np.arange(len(COLOURS)) / (len(COLOURS) - 1)
    colour = np.stack([np.interp(value, steps, COLOURS[:, channel]) for channel in range(3)], axis=2)
    opacity = (strength * value)[..., None]
    mixed = np.rint(image * (1 - opacity) + colour * opacity).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(mixed).save(file, "PNG")
    return file.getvalue()
