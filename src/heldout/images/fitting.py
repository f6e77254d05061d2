"""An image of any shape becomes the square that a network takes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def fit_square(
    pixels: npt.NDArray[Any],
    size: int,
    fit: Literal["stretch", "pad", "crop"] = "stretch",
    interpolation: str = "bilinear",
) -> npt.NDArray[Any]:
    """Resize to a square with Pillow, whose filters widen when they shrink (antialiasing).

    `stretch` changes the aspect ratio; `crop` scales the shorter side and keeps the middle; `pad` scales the longer
    side and fills the rest with the median colour of the image's own border, so that no frame of a foreign colour
    tells one shape of image from another.

    Args:
        pixels: (h, w) or (h, w, k): uint8, or float32 in 0 … 1, which is not rounded.
        size: Side of the square in pixels.
        fit: `stretch`, `pad` or `crop`.
        interpolation: `bilinear` or `bicubic`.

    Returns:
        (size, size) or (size, size, k) of the same type; a bicubic filter's overshoot is clipped.

    Raises:
        ValueError: An unknown fit or interpolation, or a size below 1.
    """
    if interpolation not in FILTERS:
        raise ValueError(f"found interpolation '{interpolation}'; expected one of {', '.join(FILTERS)}")
    if size < 1:
        raise ValueError(f"found size {size}; expected at least 1 pixel")
    if pixels.ndim == 3 and (pixels.dtype != np.uint8 or pixels.shape[2] != 3):  # Pillow has no such picture
        planes = [fit_square(pixels[..., k], size, fit, interpolation) for k in range(pixels.shape[2])]
        return np.stack(planes, axis=-1)
    height, width = pixels.shape[:2]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    filter_ = FILTERS[interpolation]
    if fit == "stretch" or height == width:
        return _array(image if (width, height) == (size, size) else image.resize((size, size), filter_))
    if fit == "crop":
        side = min(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        return _array(image.resize((size, size), filter_, box=(left, top, left + side, top + side)))
    if fit != "pad":
        raise ValueError(f"found fit '{fit}'; expected stretch, pad or crop")
    scale = size / max(height, width)
    shown = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), filter_)
    result = np.empty((size, size, *pixels.shape[2:]), dtype=pixels.dtype)
    result[...] = border_colour(pixels)
    left, top = (size - shown.width) // 2, (size - shown.height) // 2
    result[top : top + shown.height, left : left + shown.width] = _array(shown)
    return result


def border_colour(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The median, a channel, of the outermost pixels: (), or (3,) for colour."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    median = np.median(border, axis=0)
    return np.asarray(median.round() if pixels.dtype == np.uint8 else median, dtype=pixels.dtype)


def _array(image: Image.Image) -> npt.NDArray[Any]:
    if image.mode == "F":
        return np.asarray(image, dtype=np.float32).clip(0, 1)
    return np.asarray(image, dtype=np.uint8)
