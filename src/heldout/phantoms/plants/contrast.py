"""Flat images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from heldout.phantoms.plant import Floats, PixelPlant, Pixels


@dataclass(frozen=True, kw_only=True)
class Contrast(PixelPlant):
    """Takes contrast away.

    In a phantom stray light takes the place of light that passed the specimen, so that dark things turn grey on an
    equally bright background. Other images shrink toward their mean, each channel by itself.

    Attributes:
        loss: Severity: fraction of the contrast that is lost, 0 to below 1.
        classes: Classes to touch, by their true label; none for all.
        parts: Parts of the split to touch.
        planted: False leaves validation and test as they are.
    """

    name: ClassVar[str] = "contrast"
    title: ClassVar[str] = "images of low contrast"
    cause: ClassVar[str] = "image-quality"
    severity: ClassVar[str] = "loss"
    levels: ClassVar[tuple[float, float, float]] = (0.3, 0.5, 0.7)

    loss: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.loss < 1:
            raise ValueError(f"expected loss from 0 to below 1; found {self.loss}")

    def on_latents(self, table: pd.DataFrame, doses: Floats) -> pd.DataFrame:
        """More stray light: the contrast that is left is 1 − glare."""
        glare = 1 - (1 - table["glare"]) * (1 - doses)
        return table.assign(glare=np.where(doses > 0, glare, table["glare"]))

    def on_image(self, image: Pixels, dose: float, chance: np.random.Generator) -> Pixels:
        """Nearer to the mean of the image."""
        mean = image.mean(axis=(0, 1), keepdims=True)
        flat: Pixels = np.rint(mean + (1 - dose) * (image - mean)).astype(np.uint8)
        return flat


PLANT = Contrast
