"""Coarser pixels, enlarged again."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from PIL import Image

from heldout.images.levels import Bytes
from heldout.stresses.stress import Ground, Pixels, Reals, Stress, in_bytes_of


class Resampling(Stress):
    """Shrunk with averaging and enlarged bicubically: a scanner or an export of lower resolution.

    An amount of 1 halves the pixels along a side.
    """

    name: ClassVar[str] = "resampling"
    title: ClassVar[str] = "resolution"
    unit: ClassVar[str] = "halvings of the side"
    more: ClassVar[str] = "coarser"
    sizes: ClassVar[tuple[float, float, float]] = (0.25, 0.5, 1.0)
    source: ClassVar[str] = "not measured: the files of the sites at hand were resampled before; a choice"
    place: ClassVar[int] = 6

    def change(self, images: Pixels, amounts: Reals, ground: Ground) -> Pixels:
        """Image by image, down and up."""
        height, width = images.shape[1:3]

        def coarser(pixels: Bytes) -> Bytes:
            result = pixels.copy()
            for row, amount in enumerate(amounts.tolist()):
                small = tuple(max(1, round(side / 2 ** max(amount, 0.0))) for side in (width, height))
                if small == (width, height):
                    continue
                picture = Image.fromarray(pixels[row, ..., 0] if pixels.shape[3] == 1 else pixels[row])
                down = picture.resize(small, Image.Resampling.BOX)
                up = np.asarray(down.resize((width, height), Image.Resampling.BICUBIC))
                result[row] = up.reshape(pixels.shape[1:])
            return result

        return in_bytes_of(images, coarser)


STRESS = Resampling()
