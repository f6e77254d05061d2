"""Copies made of some of the images: by them the axes of the search and its cut-offs are measured."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from heldout.images.copies.small import Floats, Integers, Pixels
from heldout.images.copies.symmetries import move

IMAGES = 100
COPIES = 5
"""Images that copies are made of, and copies of each: a second of work, and as many rows as the spectra need."""

DEGREES = 10.0
SHIFT = 0.05
LEAST_CROP = 0.85
LIGHT = 0.3
NOISE = 2.0
"""Most that a copy is turned, shifted (of a side), cropped (of a side), made brighter or its contrast changed, and the
standard deviation of what a lossy file adds, in grey levels."""

Rim = Literal["constant", "nearest", "mirror"]

RIMS: tuple[Rim, ...] = ("constant", "nearest", "mirror")


def make_copies(small: Pixels, seed: int = 0) -> tuple[Pixels, Integers]:
    """Copies of some images, changed in every way but by a symmetry.

    Args:
        small: (n, s, s) thumbnails in an order that does not depend on how they came.
        seed: Of the changes.

    Returns:
        (m, s, s) copies, and (m,) the row that each was made of.
    """
    rng = np.random.default_rng(seed)
    chosen = np.unique(np.linspace(0, len(small) - 1, min(IMAGES, len(small))).astype(np.int64))
    of = np.repeat(chosen, COPIES)
    return np.stack([_one(small[row].astype(np.float32), rng) for row in of]), of


def _one(image: Floats, rng: np.random.Generator) -> Pixels:
    crop = rng.uniform(LEAST_CROP, 1) if rng.random() < 0.5 else 1.0
    corner = rng.uniform(-1, 1, 2) * (1 - crop)
    degrees = rng.uniform(-DEGREES, DEGREES) if rng.random() < 0.7 else 0.0
    shift = rng.uniform(-2 * SHIFT, 2 * SHIFT, 2) if rng.random() < 0.7 else np.zeros(2)
    moved = _moved(image, move(degrees, 1, *shift), RIMS[rng.integers(len(RIMS))])
    moved = _moved(moved, move(0, crop, *corner), "nearest")
    lit = moved.mean() + (moved - moved.mean()) * rng.uniform(1 - LIGHT, 1 + LIGHT)
    lit = lit * rng.uniform(1 - LIGHT, 1 + LIGHT) + rng.normal(0, NOISE, image.shape) * (moved > 0)
    result: Pixels = np.clip(lit, 0, 255).astype(np.uint8)
    return result


def _moved(image: Floats, by: Floats, rim: Rim) -> NDArray[np.float32]:
    half = (len(image) - 1) / 2
    offset = half * (1 + by[:, 2] - by[:, :2].sum(axis=1))
    moved: NDArray[np.float32] = ndimage.affine_transform(image, by[:, :2], offset, order=1, mode=rim)
    return moved
