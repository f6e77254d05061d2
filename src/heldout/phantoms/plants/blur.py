"""Blurred images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy import ndimage

from heldout.phantoms.physics import defocus_um
from heldout.phantoms.plant import Floats, PixelPlant, Pixels


@dataclass(frozen=True, kw_only=True)
class Blur(PixelPlant):
    """Blurs images: a Gaussian on top of the lens that is there.

    In a phantom the cells go so far out of focus that the variance of the point-spread function grows by sigma²
    (pixels); photon and read-out noise come afterwards and stay sharp. Other images are convolved with a Gaussian.

    Attributes:
        sigma: Severity: standard deviation of the added blur, pixels.
        classes: Classes to blur, by their true label; none for all.
        parts: Parts of the split to blur.
        planted: False leaves validation and test sharp.
    """

    name: ClassVar[str] = "blur"
    title: ClassVar[str] = "images out of focus"
    cause: ClassVar[str] = "image-quality"
    severity: ClassVar[str] = "sigma"
    levels: ClassVar[tuple[float, float, float]] = (1.0, 2.0, 4.0)

    sigma: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.sigma <= 100:
            raise ValueError(f"expected sigma from 0 to 100 pixels; found {self.sigma}")

    def on_latents(self, table: pd.DataFrame, doses: Floats) -> pd.DataFrame:
        """More defocus, to the same side."""
        added = (table["pixel_um"] * doses).to_numpy(dtype=np.float64)
        blurred = [
            defocus_um(*numbers)
            for numbers in zip(table["na"], table["defocus_um"], table["refractive_index"], added, strict=True)
        ]
        return table.assign(defocus_um=blurred)

    def on_image(self, image: Pixels, dose: float, chance: np.random.Generator) -> Pixels:
        """A Gaussian of that width, mirrored at the border."""
        sigma = (dose, dose, 0)[: image.ndim]
        blurred = ndimage.gaussian_filter(image.astype(np.float32), sigma, mode="reflect")
        return np.rint(blurred).astype(np.uint8)


PLANT = Blur
