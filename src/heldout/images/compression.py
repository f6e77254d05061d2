"""JPEG in memory, at the quality whose blocks come nearest to those of other images."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from heldout.images import quality
from heldout.images.quality import Pixels, Reals, grey_of

QUALITIES = (1, 95)
"""JPEG qualities of Pillow that are searched; above 95 it advises against."""


def compress(images: Pixels, targets: Reals, rng: np.random.Generator) -> Pixels:
    """JPEG at the quality, found by bisection, whose blockiness comes nearest; or the image as it is, if that does."""
    now = quality.blockiness(grey_of(images))
    best, error = images.copy(), np.abs(now - targets)
    low, high = (np.full(len(images), end) for end in QUALITIES)
    chosen = targets > now
    while (open_ := chosen & (low <= high)).any():
        middle = (low + high) // 2
        tried = best.copy()
        for i in np.flatnonzero(open_):
            tried[i] = compressed(images[i], int(middle[i]))
        reached = quality.blockiness(grey_of(tried))
        better = open_ & (np.abs(reached - targets) < error)
        best[better], error[better] = tried[better], np.abs(reached - targets)[better]
        low = np.where(open_ & (reached > targets), middle + 1, low)
        high = np.where(open_ & (reached <= targets), middle - 1, high)
    return best


def compressed(image: Pixels, quality_: int) -> Pixels:
    """One image (h, w, c) through JPEG in memory, without subsampling of colours, so that only blocks change."""
    buffer = io.BytesIO()
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    picture.save(buffer, "JPEG", quality=quality_, subsampling=0)
    buffer.seek(0)
    with Image.open(buffer) as again:
        return np.asarray(again).reshape(image.shape)
