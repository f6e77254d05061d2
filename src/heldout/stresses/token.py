"""A mark of the other site in a corner."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from heldout.images.levels import Bytes
from heldout.phantoms.plants.token import Token
from heldout.stresses.stress import Ground, Pixels, Reals, Stress, in_bytes_of


class CornerToken(Stress):
    """A square, white above and black below, in the upper left corner of every image: a letter, a ruler, a logo.

    The mark is that of the plant `token`; an amount is its side.
    """

    name: ClassVar[str] = "token"
    title: ClassVar[str] = "a mark in a corner"
    unit: ClassVar[str] = "of the shorter side"
    more: ClassVar[str] = "with a mark"
    sizes: ClassVar[tuple[float, float, float]] = (Token.size / 2, Token.size, Token.size * 2)
    source: ClassVar[str] = "not measured: no site at hand is known to mark its images; the size of the plant `token`"
    place: ClassVar[int] = 8

    def change(self, images: Pixels, amounts: Reals, ground: Ground) -> Pixels:
        """Drawn over what stands there."""
        chance = np.random.default_rng(ground.seed)

        def marked(pixels: Bytes) -> Bytes:
            result = pixels.copy()
            for row, side in enumerate(amounts.tolist()):
                if side > 0:
                    Token(size=min(side, 0.5)).on_image(result[row], 1.0, chance)
            return result

        return in_bytes_of(images, marked)


STRESS = CornerToken()
