"""Bright and dark swapped, on purpose."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from heldout.phantoms import PixelPlant


@dataclass(frozen=True, kw_only=True)
class Negative(PixelPlant):
    """Makes negatives of images.

    Attributes:
        strength: Severity: 1 for a negative, 0 for the image as it is.
        classes: Classes to touch, by their true label; none for all.
        parts: Parts of the split to touch.
        planted: False leaves validation and test as they are.
    """

    name: ClassVar[str] = "negative"
    title: ClassVar[str] = "bright and dark swapped"
    cause: ClassVar[str] = "inverted"
    severity: ClassVar[str] = "strength"
    levels: ClassVar[tuple[float, float, float]] = (0.6, 0.8, 1.0)

    strength: float = 1.0

    def on_image(self, image, dose, chance):
        """From the image to its negative."""
        return np.rint(image + dose * (255.0 - 2.0 * image)).astype(np.uint8)


PLANT = Negative
