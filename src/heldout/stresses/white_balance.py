"""Stain and light: redder or bluer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from heldout.images.levels import Bytes, eight_bit
from heldout.stresses.stress import Ground, Pixels, Reals, Stress, in_bytes_of


class WhiteBalance(Stress):
    """Red multiplied and blue divided by the same factor: another lamp, white balance, or ratio of two stains.

    Measured is the logarithm of mean red over mean blue, each of them at least one grey level.
    """

    name: ClassVar[str] = "white-balance"
    title: ClassVar[str] = "red against blue"
    less: ClassVar[str] = "bluer"
    more: ClassVar[str] = "redder"
    place: ClassVar[int] = 3
    colour: ClassVar[bool] = True

    def measure(self, images: Pixels) -> Reals:
        """ln(mean red / mean blue) of each image; 0 of grey ones."""
        means = eight_bit(images).mean(axis=(1, 2), dtype=np.float64) + 1  # (n, c)
        ratio: Reals = np.log(means[:, 0] / means[:, -1])
        return ratio

    def change(self, images: Pixels, amounts: Reals, ground: Ground) -> Pixels:
        """Red times √factor, blue over √factor."""
        half = (amounts * ground.spread / 2).astype(np.float32)

        def tinted(pixels: Bytes) -> Bytes:
            if pixels.shape[3] == 1:
                return pixels
            gains = np.exp(half[:, None] * np.array([1, 0, -1], dtype=np.float32))  # (n, 3)
            return np.rint(pixels * gains[:, None, None]).clip(0, 255).astype(np.uint8)

        return in_bytes_of(images, tinted)


STRESS = WhiteBalance()
