"""How images become the squares of a store: one size, one way of fitting, one rule for their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heldout.images import Decoded, fit_square
from heldout.images.prepare import as_input
from heldout.records import InputMap
from heldout.records.recipe import Fit

Pixels = npt.NDArray[Any]
"""uint8; or float16 in 0 … 1, where the files hold more than 8 bits."""


@dataclass(frozen=True)
class Fitting:
    """How an image is fitted to a square, whatever else is in the cohort.

    Attributes:
        size: Side in pixels.
        fit: `stretch`, `pad` or `crop`.
        interpolation: `bilinear` or `bicubic`.
        input_map: How values of the files become inputs; None takes 8-bit grey and RGB as they are.
    """

    size: int
    fit: Fit
    interpolation: str
    input_map: InputMap | None = None

    @property
    def key(self) -> tuple[int, str, str, str]:
        """All that decides the square of an image."""
        return self.size, self.fit, self.interpolation, "" if self.input_map is None else self.input_map.key

    @property
    def dtype(self) -> type[np.generic]:
        """Of the squares."""
        rule = self.input_map
        kept = rule is None or rule.eight_bit or not (rule.intensity or rule.channels == "project")
        return np.uint8 if kept else np.float16

    def fitted(self, image: Decoded, where: str) -> Pixels:
        """(s, s, k): mapped and fitted, k = 1 for a grey image.

        Raises:
            ImageError: The rule has no numbers for this image.
        """
        square = fit_square(as_input(image, self.input_map, where), self.size, self.fit, self.interpolation)
        return (square[..., None] if square.ndim == 2 else square).astype(self.dtype, copy=False)


@dataclass(frozen=True)
class Squaring:
    """How the images of a cohort become squares.

    Attributes:
        fitting: How each of them does.
        channels: Of all squares: a grey image is repeated over three channels in a colour cohort.
    """

    fitting: Fitting
    channels: int

    def widened(self, fitted: Pixels) -> Pixels:
        """(s, s, c) of what `Fitting.fitted` gives."""
        size = self.fitting.size
        return np.broadcast_to(fitted, (size, size, self.channels))


def square_alone(image: Decoded, fitting: Fitting, where: str) -> Pixels:
    """(1, s, s, c) of one image by itself, with as many channels as its rule gives, or as it has.

    Args:
        image: As its file has it.
        fitting: How it is fitted.
        where: How to name it.

    Raises:
        ImageError: The rule has no numbers for it.
    """
    width = None if fitting.input_map is None else fitting.input_map.width
    channels = width or (1 if image.pixels.ndim == 2 else 3)
    return Squaring(fitting, channels).widened(fitting.fitted(image, where))[None]
