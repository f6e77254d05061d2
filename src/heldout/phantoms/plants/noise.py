"""Noisy images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from heldout.phantoms.plant import Floats, PixelPlant, Pixels


@dataclass(frozen=True, kw_only=True)
class Noise(PixelPlant):
    """Adds white noise.

    In a phantom the camera's read-out noise grows by that many grey levels (times its gain, in electrons), variances
    adding. To other images Gaussian noise is added, rounded and cut off at 0 and 255; channels get noise of their own.

    Attributes:
        sd: Severity: standard deviation of the added noise, grey levels of 8 bits.
        classes: Classes to touch, by their true label; none for all.
        parts: Parts of the split to touch.
        planted: False leaves validation and test clean.
    """

    name: ClassVar[str] = "noise"
    title: ClassVar[str] = "a noisier camera"
    cause: ClassVar[str] = "image-quality"
    severity: ClassVar[str] = "sd"
    levels: ClassVar[tuple[float, float, float]] = (8.0, 16.0, 32.0)

    sd: float = 16.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.sd <= 255:
            raise ValueError(f"expected sd from 0 to 255 grey levels; found {self.sd}")

    def on_latents(self, table: pd.DataFrame, doses: Floats) -> pd.DataFrame:
        """More read-out noise."""
        return table.assign(read_noise_e=np.hypot(table["read_noise_e"], table["gain_e_per_adu"] * doses))

    def on_image(self, image: Pixels, dose: float, chance: np.random.Generator) -> Pixels:
        """Gaussian noise on every pixel."""
        noisy = image + dose * chance.standard_normal(image.shape, dtype=np.float32)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


PLANT = Noise
