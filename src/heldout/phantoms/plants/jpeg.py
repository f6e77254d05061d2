"""Compressed images."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from PIL import Image

from heldout.phantoms.plant import PixelPlant, Pixels


@dataclass(frozen=True, kw_only=True)
class Jpeg(PixelPlant):
    """Compresses images with JPEG and opens them again.

    Attributes:
        quality: Severity: Pillow's quality, 1 (worst) to 95; the lower the stronger.
        classes: Classes to touch, by their true label; none for all.
        parts: Parts of the split to touch.
        planted: False leaves validation and test as they are.
    """

    name: ClassVar[str] = "jpeg"
    title: ClassVar[str] = "heavily compressed images"
    cause: ClassVar[str] = "image-quality"
    severity: ClassVar[str] = "quality"
    levels: ClassVar[tuple[float, float, float]] = (40.0, 15.0, 5.0)

    quality: int = 15

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.quality <= 95:
            raise ValueError(f"expected quality from 1 to 95; found {self.quality}")

    def on_image(self, image: Pixels, dose: float, chance: np.random.Generator) -> Pixels:
        """There and back through memory: three channels as colour, any other number one by one."""
        if image.ndim == 3 and image.shape[2] != 3:
            channels = [_through_jpeg(image[..., channel], round(dose)) for channel in range(image.shape[2])]
            return np.stack(channels, axis=-1)
        return _through_jpeg(image, round(dose))


def _through_jpeg(image: Pixels, quality: int) -> Pixels:
    with io.BytesIO() as file:
        Image.fromarray(image).save(file, format="JPEG", quality=quality)
        with Image.open(file) as opened:
            return np.asarray(opened, dtype=np.uint8)


PLANT = Jpeg
