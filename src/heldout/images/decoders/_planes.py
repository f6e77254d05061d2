"""What files of microscopes have in common: planes over time and depth are rows, channels stay together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heldout.images.decoded import Decoded, Photometric
from heldout.images.decoders._member import numbers_of
from heldout.images.decoders._pillow import choose_frame
from heldout.images.errors import ImageError
from heldout.images.faithful import BITS, faithful
from heldout.images.memory import reserve

Array = npt.NDArray[Any]

MICROMETRE = 1e-3
"""In millimetres."""


MOST_CHANNELS = 1024
"""Channels of an image at most; spectral detectors have some hundreds."""


@dataclass(frozen=True)
class Planes:
    """The pictures of one scene of a file.

    Attributes:
        outer: Axis -> size, in the order of the file, of all axes that are neither of a picture nor channels.
        channels: Names of the channels, one an index of the axis C; empty where there is no such axis.
        height: Pixels.
        width: Pixels.
        samples: Values a pixel of one plane: 1, or 3 of RGB.
        item_bytes: Bytes a value.
        spacing: Millimetres from row to row and column to column; None if not known.
        bits: Bits that are used; 0 for those of the type.
    """

    outer: Mapping[str, int]
    channels: tuple[str, ...]
    height: int
    width: int
    samples: int
    item_bytes: int
    spacing: tuple[float, float] | None = None
    bits: int = 0

    @property
    def count(self) -> int:
        """Number of pictures."""
        return math.prod(self.outer.values())


def picture(where: str, planes: Planes, row: int, read: Callable[[dict[str, int], int], Array]) -> Decoded:
    """One picture of all channels.

    Args:
        where: The file.
        planes: What it holds.
        row: Which picture, the last axis fastest; −1 for the only one.
        read: Gives the plane (h, w) or (h, w, 3) at an index of the outer axes and a channel.
    """
    chosen = choose_frame(where, planes.count, row, "planes")
    channels = max(len(planes.channels), 1)
    reserve(planes.width, planes.height, channels * planes.samples, planes.item_bytes, where)
    index = np.unravel_index(chosen, tuple(planes.outer.values())) if planes.outer else ()
    at = {axis: int(place) for axis, place in zip(planes.outer, index, strict=True)}
    stored = [np.asarray(read(at, channel)) for channel in range(channels)]
    for plane in stored:
        if plane.shape[:2] != (planes.height, planes.width):
            raise ValueError(f"a plane of {plane.shape[:2]}, {(planes.height, planes.width)} in the header")
    pixels = faithful(stored[0] if channels == 1 else np.stack(stored, axis=-1), where)
    if pixels.ndim > 3:
        raise ImageError(where, "several channels of RGB", "grey channels, or one of RGB", "Save them as grey.")
    photometric: Photometric = "grey" if pixels.ndim == 2 else "rgb" if channels == 1 else "channels"
    names = planes.channels if photometric == "channels" else ()
    bits = planes.bits or BITS[pixels.dtype.name]
    return Decoded(pixels, bits, photometric, spacing=planes.spacing, channel_names=names)


def channel_names(names: Sequence[str], number: int) -> tuple[str, ...]:
    """Names of the channels: those of the file if there is one for each, else their numbers; none for a single channel.

    Raises:
        ValueError: More than any microscope has: the header is damaged.
    """
    if not 0 < number <= MOST_CHANNELS:
        raise ValueError(f"{number} channels in its header")
    if number == 1:
        return ()
    return tuple(names) if len(names) == number else tuple(f"channel {place}" for place in range(number))


def scene_of(member: str, scenes: int, where: str) -> int:
    """The scene that a member names: `scene 2`; the first without one.

    Raises:
        ImageError: There is none of that number.
    """
    wanted = numbers_of(member, ["scene"])
    number = -1 if wanted is None else wanted.get("scene", 0)
    if not 0 <= number < max(scenes, 1):
        expected = f"scene 0 to scene {max(scenes, 1) - 1}"
        raise ImageError(where, f"no part '{member}'", expected, "Correct the column `array`.")
    return number
