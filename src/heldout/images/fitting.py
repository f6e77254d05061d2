"""An image of any shape becomes the square that a network takes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def fit_square(
    pixels: npt.NDArray[np.uint8],
    size: int,
    fit: Literal["stretch", "pad", "crop"] = "stretch",
    interpolation: str = "bilinear",
) -> npt.NDArray[np.uint8]:
    """Resize to a square with Pillow, whose filters widen when they shrink (antialiasing).

    `stretch` changes the aspect ratio; `crop` scales the shorter side and keeps the middle; `pad` scales the longer
    side and fills the rest with the median colour of the image's own border, so that no frame of a foreign colour
    tells one shape of image from another.

    Args:
        pixels: (h, w) or (h, w, 3) uint8.
        size: Side of the square in pixels.
        fit: `stretch`, `pad` or `crop`.
        interpolation: `bilinear` or `bicubic`.

    Returns:
        (size, size) or (size, size, 3) uint8.

    Raises:
        ValueError: An unknown fit or interpolation, or a size below 1.
    """
    if interpolation not in FILTERS:
        raise ValueError(f"found interpolation '{interpolation}'; expected one of {', '.join(FILTERS)}")
    if size < 1:
        raise ValueError(f"found size {size}; expected at least 1 pixel")
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
    result = np.empty((size, size, *pixels.shape[2:]), dtype=np.uint8)
    result[...] = border_colour(pixels)
    left, top = (size - shown.width) // 2, (size - shown.height) // 2
    result[top : top + shown.height, left : left + shown.width] = _array(shown)
    return result


def border_colour(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The median, a channel, of the outermost pixels: (), or (3,) for colour."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return np.asarray(np.median(border, axis=0).round(), dtype=np.uint8)


def _array(image: Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(image, dtype=np.uint8)
