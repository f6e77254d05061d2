"""Image quality in a few named numbers, each with a unit: what a shift between two sets of images can be called.

The numbers are made to move one at a time. Sharpness is relative to the image's own variance, so that contrast does not
change it; contrast and brightness are the two halves of an affine change of grey levels; blockiness is a ratio. None
can be wholly free of the others: blur takes noise away, and strong noise looks like detail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from heldout.images.levels import eight_bit

Pixels = NDArray[np.uint8]
Greys = NDArray[np.float32]
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Property:
    """One measured property of an image.

    Attributes:
        name: Column of `quality_of`, and name for `map_property`.
        unit: Unit of the number.
        words: What it is, for a person who does not know image processing.
        more: What an image with a higher value is called: `sharper`.
        less: Likewise for a lower value: `blurrier`.
    """

    name: str
    unit: str
    words: str
    more: str
    less: str


PROPERTIES = (
    Property("sharpness", "ln ratio", "how much fine detail there is, relative to contrast", "sharper", "blurrier"),
    Property("noise", "grey levels", "random grain from pixel to pixel", "noisier", "smoother"),
    Property("contrast", "grey levels", "how far dark and bright areas lie apart", "richer in contrast", "flatter"),
    Property("brightness", "grey levels", "the mean grey level", "brighter", "darker"),
    Property("blockiness", "ln ratio", "edges on the 8-pixel grid that JPEG leaves", "blockier", "less blocky"),
    Property("border", "grey levels", "the mean grey level along the rim", "brighter at the rim", "darker at the rim"),
    Property("colour", "grey levels", "how strong the colours are; 0 for grey images", "more colourful", "greyer"),
)
"""All properties, in the order of the columns of `quality_of`."""

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue in the grey level (ITU-R BT.601), those of Pillow's mode L."""

DENOISING = 1.0
"""Width in pixels of the Gaussian before the Laplacian: lets 2 % of the variance of white noise through, and edges."""

FLOOR = 1e-3
"""Added to variances (grey levels squared), far below what rounding to 8 bits leaves (1/12), so that a blank image has
a sharpness."""

BLOCK = 8
"""Side of JPEG's blocks in pixels (ITU-T T.81)."""

STEP_FLOOR = 0.25
"""Added to mean steps between neighbours (grey levels), so that a blank image has blockiness 0."""

RIM = 16
"""The rim is one of so many parts of the side wide, at least 1 pixel."""

CHUNK = 64
"""Images worked on at a time: keeps the arrays within a processor's cache."""


def quality_of(pixels: NDArray[Any]) -> pd.DataFrame:
    """Measure all properties of every image.

    Args:
        pixels: (n, h, w) or (n, h, w, c) uint8, c = 1 (grey) or 3 (RGB); or floats in 0 … 1, or other channels, which
            are measured in 8 bits (`levels.eight_bit`). Sides of at least 3 pixels.

    Returns:
        n rows, one float64 column a property, in the order of `PROPERTIES`.

    Raises:
        ValueError: Another shape or type.
    """
    images = as_stack(pixels)
    parts = [_measure(images[start : start + CHUNK]) for start in range(0, len(images), CHUNK)]
    names = [property_.name for property_ in PROPERTIES]
    return pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in names}, columns=names)


def as_stack(pixels: NDArray[Any]) -> Pixels:
    """(n, h, w, c) uint8 with c = 1 or 3; of floats in 0 … 1, and of other channels, their 8 bits.

    Raises:
        ValueError: No uint8 array of such a shape, or no image.
    """
    images = pixels[..., None] if pixels.ndim == 3 else pixels
    if images.ndim == 4 and (images.dtype in (np.float16, np.float32) or images.shape[3] not in (1, 3)):
        images = eight_bit(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or not len(images):
        raise ValueError(f"expected uint8 (n, h, w[, 1 or 3]) with n ≥ 1, found {pixels.dtype} {pixels.shape}")
    if min(images.shape[1:3]) < 3:
        raise ValueError(f"expected sides of at least 3 pixels, found {images.shape[1]} × {images.shape[2]}")
    return images


def grey_of(images: NDArray[Any]) -> Greys:
    """Grey levels 0 … 255 of (n, h, w, c), uint8, or floats in 0 … 1: (n, h, w) float32."""
    if images.dtype in (np.float16, np.float32) or images.shape[3] not in (1, 3):
        images = eight_bit(images)
    if images.shape[3] == 1:
        return images[..., 0].astype(np.float32)
    grey: Greys = images.astype(np.float32) @ LUMA
    return grey


def measured(pixels: NDArray[Any], name: str) -> Reals:
    """One property of every image, (n,): that column of `quality_of`.

    Args:
        pixels: (n, h, w) or (n, h, w, c) uint8.
        name: Name of a property.

    Raises:
        ValueError: Another shape or type.
    """
    images = as_stack(pixels)
    return np.concatenate([_one(images[start : start + CHUNK], name) for start in range(0, len(images), CHUNK)])


def _measure(images: Pixels) -> dict[str, Reals]:
    grey = grey_of(images)
    return {property_.name: _one(images, property_.name, grey) for property_ in PROPERTIES}


def _one(images: Pixels, name: str, grey: Greys | None = None) -> Reals:
    """One property of a chunk, of its grey levels where they are known."""
    if name == "colour":
        return colour(images)
    result: Reals = OF_GREY[name](grey_of(images) if grey is None else grey)
    return result


def sharpness(grey: Greys) -> Reals:
    """Logarithm of the variance of the Laplacian over the variance of the image, of the denoised image, (n,).

    The variance of the Laplacian is the common measure of focus (Pech-Pacheco et al. 2000); dividing by the variance
    makes it indifferent to contrast and brightness.

    Args:
        grey: (n, h, w) grey levels.
    """
    smooth = gaussian_filter(grey, (0, DENOISING, DENOISING), mode="reflect")
    padded = np.pad(smooth, ((0, 0), (1, 1), (1, 1)), mode="symmetric")
    laplacian = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:] - 4 * smooth
    detail = laplacian.var(axis=(1, 2), dtype=np.float64)
    ratio: Reals = np.log(detail + FLOOR) - np.log(smooth.var(axis=(1, 2), dtype=np.float64) + FLOOR)
    return ratio


def noise(grey: Greys) -> Reals:
    """Standard deviation of the noise in grey levels, (n,): Immerkær (1996), blind to constant slopes and curvature.

    The image is filtered with [1 −2 1]ᵀ[1 −2 1], whose answer to white noise has a standard deviation of 6σ and, for
    normal noise, a mean absolute value of 6σ·√(2/π). Fine texture counts as noise.

    Args:
        grey: (n, h, w) grey levels.
    """
    result: Reals = roughness(grey).mean(axis=(1, 2), dtype=np.float64)
    return result


def roughness(grey: Greys) -> Greys:
    """What `noise` is the mean of: |answer of the filter|·√(π/2)/6 at every inner pixel, (n, h − 2, w − 2).

    Args:
        grey: (n, h, w) grey levels.
    """
    rows = grey[:, :-2] - 2 * grey[:, 1:-1] + grey[:, 2:]
    answer: Greys = np.abs(rows[:, :, :-2] - 2 * rows[:, :, 1:-1] + rows[:, :, 2:])
    answer *= np.float32(np.sqrt(np.pi / 2) / 6)
    return answer


def blockiness(grey: Greys) -> Reals:
    """Logarithm of the mean step across JPEG's block edges over that elsewhere, (n,); near 0 if uncompressed.

    The idea of Wang, Sheikh & Bovik (2002). It sees blocks that lie on the image's own grid: an image that was resized
    after compression has lost them, and measures near 0 too. Images with sides below 16 pixels have no edge to
    compare: 0.

    Args:
        grey: (n, h, w) grey levels.
    """
    if min(grey.shape[1:]) < 2 * BLOCK:
        return np.zeros(len(grey))
    across = np.abs(np.diff(grey, axis=2)).mean(axis=1, dtype=np.float64)  # (n, w − 1): step from column j to j + 1
    down = np.abs(np.diff(grey, axis=1)).mean(axis=2, dtype=np.float64)
    ratios = []
    for steps in (across, down):
        edge = np.arange(1, steps.shape[1] + 1) % BLOCK == 0
        at_edge, elsewhere = steps[:, edge].mean(axis=1), steps[:, ~edge].mean(axis=1)
        ratios.append(np.log(at_edge + STEP_FLOOR) - np.log(elsewhere + STEP_FLOOR))
    mean: Reals = (ratios[0] + ratios[1]) / 2
    return mean


def border(grey: Greys) -> Reals:
    """Mean grey level of the rim, (n,)."""
    mean: Reals = grey[:, rim_of(grey.shape[1], grey.shape[2])].mean(axis=1, dtype=np.float64)
    return mean


def rim_of(height: int, width: int) -> NDArray[np.bool_]:
    """Mask of the rim, (height, width)."""
    wide = max(1, min(height, width) // RIM)
    mask = np.ones((height, width), dtype=np.bool_)
    mask[wide:-wide, wide:-wide] = False
    return mask


def colour(images: Pixels) -> Reals:
    """Colourfulness M₃ of Hasler & Süsstrunk (2003) in grey levels, (n,); 0 for grey images.

    √(σ²_rg + σ²_yb) + 0.3·√(μ²_rg + μ²_yb) with rg = R − G and yb = (R + G)/2 − B.

    Args:
        images: (n, h, w, c) uint8.
    """
    if images.shape[3] == 1:
        return np.zeros(len(images))
    red, green, blue = (images[..., c].astype(np.float32) for c in range(3))
    first, second = red - green, (red + green) / 2 - blue
    spread = np.hypot(first.std(axis=(1, 2), dtype=np.float64), second.std(axis=(1, 2), dtype=np.float64))
    offset = np.hypot(first.mean(axis=(1, 2), dtype=np.float64), second.mean(axis=(1, 2), dtype=np.float64))
    result: Reals = spread + 0.3 * offset
    return result


def contrast(grey: Greys) -> Reals:
    """Standard deviation of the grey levels, (n,)."""
    spread: Reals = grey.std(axis=(1, 2), dtype=np.float64)
    return spread


def brightness(grey: Greys) -> Reals:
    """Mean grey level, (n,)."""
    mean: Reals = grey.mean(axis=(1, 2), dtype=np.float64)
    return mean


OF_GREY: dict[str, Callable[[Greys], Reals]] = {
    "sharpness": sharpness,
    "noise": noise,
    "contrast": contrast,
    "brightness": brightness,
    "blockiness": blockiness,
    "border": border,
}
"""How each property of the grey levels (n, h, w) is measured; colour needs the channels."""
