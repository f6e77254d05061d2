"""The object lies otherwise."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import ndimage

from heldout.images.levels import Bytes
from heldout.stresses.stress import Ground, Pixels, Reals, Stress, in_bytes_of


class Rotation(Stress):
    """Turned about the middle, bilinearly, the corners filled with the mirror image."""

    name: ClassVar[str] = "rotation"
    title: ClassVar[str] = "rotation"
    unit: ClassVar[str] = "degrees"
    less: ClassVar[str] = "clockwise"
    more: ClassVar[str] = "anticlockwise"
    sizes: ClassVar[tuple[float, float, float]] = (5.0, 10.0, 20.0)
    source: ClassVar[str] = "not measured: how images of the sites at hand lie is not known; a choice"
    place: ClassVar[int] = 7

    def change(self, images: Pixels, amounts: Reals, ground: Ground) -> Pixels:
        """Image by image."""

        def turned(pixels: Bytes) -> Bytes:
            result = pixels.copy()
            for row, angle in enumerate(amounts.tolist()):
                if angle:
                    image = pixels[row].astype(np.float32)
                    after = ndimage.rotate(image, angle, axes=(1, 0), reshape=False, order=1, mode="mirror")
                    result[row] = np.rint(after).clip(0, 255).astype(np.uint8)
            return result

        return in_bytes_of(images, turned)


STRESS = Rotation()
