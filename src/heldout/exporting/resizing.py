"""Pillow's resizing in the operations of a graph, to the last bit: a square is what `images.fit_square` makes of it.

ONNX has a resizing of its own (`Resize` with antialias=1), but it rounds elsewhere. Pillow makes two passes, and in 8
bits each multiplies by whole numbers (weights times 2^22), adds, and rounds to 8 bits. So does this: each pass is a
product with a matrix of weights, in float64, where all of these sums are exact.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from heldout.images.fitting import FILTERS
from heldout.records.recipe import Fit

UNIT = 2.0**22
"""What Pillow multiplies its weights by in 8 bits (`PRECISION_BITS` in its Resample.c: 32 − 8 − 2)."""

CUBIC = -0.5
"""The parameter a of Pillow's bicubic filter (Keys 1981)."""


class Squared(nn.Module):
    """Images of any size to squares, as `images.fit_square` does.

    Args:
        size: Side of the square in pixels.
        fit: `stretch`, `pad` or `crop`.
        interpolation: `bilinear` or `bicubic`.
        eight_bit: Whether the pixels are uint8; else float32 in 0 … 1.
    """

    def __init__(self, size: int, fit: Fit, interpolation: str, eight_bit: bool) -> None:
        super().__init__()
        self.size, self.fit, self.interpolation, self.eight_bit = size, fit, interpolation, eight_bit
        self.tall_first = resizes_tall_images_vertically_first()

    def forward(self, images: Tensor) -> Tensor:
        """(n, h, w, c) -> (n, c, s, s), of the same type."""
        height, width = images.shape[1], images.shape[2]
        tall, wide = _number(height), _number(width)
        down, across = self._spans(tall, wide)
        rows, shown_rows = self._weights(height, *down)  # (s, h), (s,)
        columns, shown_columns = self._weights(width, *across)  # (s, w), (s,)
        pixels = images.permute(0, 3, 1, 2).to(torch.float64)
        if self.eight_bit and self.tall_first:
            first = (tall > down[2]) & (tall - down[2] > 2 * (wide - across[2]))
            squares: Tensor = torch.cond(first, _rows_first, _columns_first, (pixels, rows, columns.T.contiguous()))
        elif self.eight_bit:
            squares = _columns_first(pixels, rows, columns.T)
        else:
            squares = (rows @ (pixels @ columns.T).float().double()).clamp(0, 1)
        if self.fit == "pad":
            shown = shown_rows[:, None] * shown_columns[None]
            squares = squares * shown + self._border(images, height, width)[..., None, None] * (1 - shown)
        return squares.to(torch.uint8 if self.eight_bit else torch.float32)

    def _spans(self, tall: Tensor, wide: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """For rows and for columns: begin and length of the part that is shown, its length in the square, its place."""
        zero, size = _number(0), _number(self.size)
        if self.fit == "stretch":
            return (zero, tall, size, zero), (zero, wide, size, zero)
        if self.fit == "crop":
            side = torch.minimum(tall, wide)
            return ((tall - side) / 2, side, size, zero), ((wide - side) / 2, side, size, zero)
        scale = size / torch.maximum(tall, wide)
        high, broad = ((length * scale).round().clamp(min=1) for length in (tall, wide))
        return (zero, tall, high, ((size - high) / 2).floor()), (zero, wide, broad, ((size - broad) / 2).floor())

    def _weights(
        self, length: int, begin: Tensor, span: Tensor, shown: Tensor, offset: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What each pixel of a line counts in each of the square, (s, length); whether that shows any, (s,)."""
        out = torch.arange(self.size, dtype=torch.float64) - offset
        scale = span / shown
        centre = begin + (out + 0.5) * scale
        distance = torch.arange(length, dtype=torch.float64)[None] - centre[:, None] + 0.5
        weights = _FILTERS[self.interpolation](distance * (1.0 / scale.clamp(min=1.0)))
        weights = weights / weights.sum(1, keepdim=True)
        if self.eight_bit:
            weights = torch.trunc(weights * UNIT + torch.where(weights < 0, -0.5, 0.5))
        inside = ((out >= 0) & (out < shown)).to(torch.float64)
        return torch.where(inside[:, None] > 0, weights, torch.zeros_like(weights)), inside

    def _border(self, images: Tensor, height: int, width: int) -> Tensor:
        """Median of the outermost pixels, (n, c): the mean of the two in the middle, since there are 2 (h + w)."""
        rim = torch.cat([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], dim=1).float()
        ordered = torch.sort(rim, dim=1).values.double()
        middle = (ordered[:, height + width - 1] + ordered[:, height + width]) / 2
        return middle.round() if self.eight_bit else middle.float().double()


def _number(value: int) -> Tensor:
    return torch.scalar_tensor(value, dtype=torch.float64)


def _rounded(sums: Tensor) -> Tensor:
    """A pass in 8 bits ends so: half a unit is added, the fraction cut off, the value clipped."""
    return torch.floor((sums + UNIT / 2) / UNIT).clamp(0, 255)


def _columns_first(pixels: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return _rounded(rows @ _rounded(pixels @ columns))


def _rows_first(pixels: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return _rounded(_rounded(rows @ pixels) @ columns)


def _linear(x: Tensor) -> Tensor:
    return (1 - x.abs()).clamp(min=0)


def _cubic(x: Tensor) -> Tensor:
    x = x.abs()
    near = ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * CUBIC
    return torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


_FILTERS = {"bilinear": _linear, "bicubic": _cubic}


@cache
def resizes_tall_images_vertically_first() -> bool:
    """Whether the Pillow that is installed makes the vertical pass first where that saves work, as 13.0 does.

    Where h' and w' are the sides of the result: if h > h' and h − h' > 2 (w − w'). In 8 bits the order shows, since
    each pass rounds. Seen by trying: an image of noise, resized in the two orders one after the other.
    """
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 20), dtype=np.uint8))
    bicubic = FILTERS["bicubic"]
    at_once = np.asarray(noise.resize((16, 16), bicubic))
    return np.array_equal(at_once, np.asarray(noise.resize((20, 16), bicubic).resize((16, 16), bicubic)))
