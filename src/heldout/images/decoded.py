"""An image as its file has it: pixels of any depth, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Photometric = Literal["grey", "rgb", "channels"]

NO_TEXT: Mapping[str, str] = {}


@dataclass(frozen=True)
class Decoded:
    """An image as read, nothing cut, stretched or windowed.

    Attributes:
        pixels: (h, w), or (h, w, k) of rgb (k = 3) and of channels (k ≥ 2); uint8, uint16, int16, int32 or float32.
            Larger is brighter. Values in units of the device (Hounsfield) where the file says how to reach them.
        bits: Bits that a channel uses in the file: 1, 8, 10, 12, 16, 32 … A 12-bit image in uint16 says 12.
        photometric: `grey`, `rgb`, or `channels` for what is neither.
        window: Lowest and highest value that the file asks to be shown, in the values of `pixels`; None if it does not.
        span: Smallest and largest value that the file's bits can hold, in the values of `pixels`, where they were
            rescaled; None where the type and `bits` tell it.
        spacing: Millimetres from row to row and from column to column; None if not known.
        channel_names: Names of the channels, where the file names them.
        about: Columns that the file tells of its image: `patient` and `site` as in a cohort, and further ones.
        notes: Sentences a person should read: inverted, burnt-in text, read at reduced size.
    """

    pixels: npt.NDArray[Any]
    bits: int
    photometric: Photometric = "grey"
    window: tuple[float, float] | None = None
    spacing: tuple[float, float] | None = None
    channel_names: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=lambda: NO_TEXT)
    notes: tuple[str, ...] = ()
    span: tuple[float, float] | None = None

    @property
    def eight_bit(self) -> bool:
        """Whether the image is 8-bit grey or RGB, which every part of the house takes as it is."""
        return self.pixels.dtype == np.uint8 and self.photometric != "channels"
