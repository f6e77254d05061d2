"""Small grey squares, and which of their pixels show something: the flat rim of a turned or shifted copy does not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

SIDE = 64
"""Side of a thumbnail: at 64 the strongest likeness of two people's chest X-rays lies far below that of two JPEGs of
one; at 32 it does not."""

FLAT = 1
"""Grey levels by which neighbours differ at most in a rim that was filled with one colour."""

BLACK = 16
WHITE = 250
"""And what counts as black or white in one that was filled so, which JPEG has made uneven."""

LEAST_SHOWN = 0.3
"""An image of which less than this share is not flat is taken as it is: there, flat is what it shows."""


def small_grey(image: Pixels) -> Pixels:
    """The image as a grey square, (64, 64) uint8; the aspect ratio is not kept.

    Args:
        image: (h, w) or (h, w, c) uint8, c = 1 or 3.
    """
    grey = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    picture = Image.fromarray(np.ascontiguousarray(grey)).convert("L")
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0))


def shown(small: Pixels) -> NDArray[np.bool_]:
    """Where images show something: all but flat areas that touch the border, with their edge.

    Args:
        small: (n, s, s).

    Returns:
        (n, s, s).
    """
    from scipy import ndimage  # imported where thumbnails are searched, and not where they are only made

    window = (1, 3, 3)
    most, least = ndimage.maximum_filter(small, window), ndimage.minimum_filter(small, window)
    flat = (most - least <= FLAT) | (small <= BLACK) | (small >= WHITE)
    plane = np.zeros((3, 3, 3), dtype=np.bool_)
    plane[1] = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    number, areas = ndimage.label(flat, plane)
    at_rim = np.zeros(areas + 1, dtype=np.bool_)
    for edge in (number[:, 0], number[:, -1], number[:, :, 0], number[:, :, -1]):
        at_rim[edge] = True
    at_rim[0] = False
    left = ndimage.minimum_filter(~at_rim[number], (1, 5, 5), mode="nearest")
    left[left.mean(axis=(1, 2)) < LEAST_SHOWN] = True
    return np.asarray(left, dtype=np.bool_)


def halved(small: Pixels | Floats, mask: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """Half as large: means over the pixels shown of 2 × 2, and where three of four or more are shown."""
    n, side, _ = small.shape
    shape = (n, side // 2, 2, side // 2, 2)
    weight = mask.reshape(shape).sum(axis=(2, 4)).astype(np.float32)
    total = np.where(mask, small, 0).astype(np.float32).reshape(shape).sum(axis=(2, 4))
    mean: Floats = total / np.maximum(weight, 1).astype(np.float32)
    return mean, weight >= 3


def band(values: Pixels | Floats, mask: NDArray[np.bool_], fine: float, coarse: float) -> Floats:
    """Details between two scales, 0 where nothing is shown: what is masked does not leak into what is not.

    Args:
        values: (n, s, s).
        mask: (n, s, s).
        fine: Standard deviation in pixels of the smoothing that is kept.
        coarse: Of the one that is taken away.
    """
    weight = mask.astype(np.float32)
    masked = values.astype(np.float32) * weight
    kept, gone = (_smooth(masked, s) / np.maximum(_smooth(weight, s), np.float32(1e-3)) for s in (fine, coarse))
    return np.asarray((kept - gone) * weight, dtype=np.float32)


def _smooth(values: Floats, sigma: float) -> Floats:
    """Gaussian smoothing, the weights not brought to sum 1 at the border."""
    place = np.arange(values.shape[-1], dtype=np.float32)
    kernel = np.exp(-((place[:, None] - place) ** 2) / np.float32(2 * sigma**2)).astype(np.float32)
    return np.asarray(kernel @ values @ kernel, dtype=np.float32)
