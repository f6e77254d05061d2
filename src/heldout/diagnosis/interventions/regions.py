"""Places of an image where a shortcut may hide, apart from what the image is about."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heldout.diagnosis.interventions.context import Features, Pixels
from heldout.images.levels import in_bytes
from heldout.images.mapping import change_property
from heldout.images.quality import grey_of

CELLS = 16
"""Regions are made of the cells of a 16 × 16 grid; one cell is also one pixel of what a probe sees."""

CHUNK = 256

Mask = NDArray[np.bool_]


class Region(ABC):
    """A cue that can be looked at alone, made neutral, and exchanged between images.

    Attributes:
        name: As in the variants of the experiment `cues`.
    """

    name: str

    @abstractmethod
    def seen(self, pixels: Pixels) -> Features:
        """What a probe sees of (n, s, s, c) images: (n, d)."""

    @abstractmethod
    def neutral(self, pixels: Pixels, mean: NDArray[np.float64]) -> Pixels:
        """The images with the cue as in the mean image (s, s, c)."""

    @abstractmethod
    def swapped(self, pixels: Pixels, donors: Pixels) -> Pixels:
        """The images (n, s, s, c) with the cue of one donor each."""


@dataclass(frozen=True)
class Place(Region):
    """A set of cells.

    Attributes:
        name: Name.
        cells: (16, 16) which.
    """

    name: str
    cells: Mask

    def mask(self, size: int) -> Mask:
        """(s, s) pixels of the region."""
        index = np.arange(size) * CELLS // size
        found: Mask = self.cells[np.ix_(index, index)]
        return found

    def seen(self, pixels: Pixels) -> Features:
        """Mean and standard deviation of every cell of the region: grey level and texture, at 16 × 16."""
        pieces = [self._seen(np.asarray(pixels[start : start + CHUNK])) for start in range(0, len(pixels), CHUNK)]
        return np.concatenate(pieces)

    def _seen(self, pixels: Pixels) -> Features:
        values = in_bytes(pixels)  # (n, s, s, c)
        size = pixels.shape[1]
        edges = np.unique(np.ceil(np.arange(CELLS) * size / CELLS).astype(np.int64))
        counts = np.diff([*edges, size]).astype(np.float32)
        area = (counts[:, None] * counts[None, :])[..., None]  # (g, g, 1)
        mean, square = (
            np.add.reduceat(np.add.reduceat(what, edges, axis=1), edges, axis=2) / area for what in (values, values**2)
        )
        inside = self.mask(size)[np.ix_(edges, edges)]  # (g, g)
        deviation = np.sqrt(np.maximum(square - mean**2, 0))
        seen = np.concatenate([mean[:, inside], deviation[:, inside]], axis=2)  # (n, cells, 2c)
        result: Features = seen.reshape(len(pixels), -1)
        return result

    def neutral(self, pixels: Pixels, mean: NDArray[np.float64]) -> Pixels:
        """The region taken from the mean image."""
        result = pixels.copy()
        mask = self.mask(pixels.shape[1])
        result[:, mask] = _as_pixels(mean, pixels)[mask]
        return result

    def swapped(self, pixels: Pixels, donors: Pixels) -> Pixels:
        """The region taken from the donor."""
        mask = self.mask(pixels.shape[1])[None, ..., None]
        return np.where(mask, donors, pixels)


@dataclass(frozen=True)
class Intensity(Region):
    """How bright the image is as a whole."""

    name: str = "intensity"

    def seen(self, pixels: Pixels) -> Features:
        """Mean grey level and its square (a class may be bright or dark where the others are in between)."""
        level = _levels(pixels) / 255
        result: Features = np.stack([level, level**2], axis=1).astype(np.float32)
        return result

    def neutral(self, pixels: Pixels, mean: NDArray[np.float64]) -> Pixels:
        """A constant added, so that the mean is that of the mean image."""
        level = float(grey_of(_as_pixels(mean, pixels)[None]).mean())
        return change_property(pixels, "brightness", np.full(len(pixels), level))

    def swapped(self, pixels: Pixels, donors: Pixels) -> Pixels:
        """A constant added, so that the mean is the donor's."""
        return change_property(pixels, "brightness", _levels(donors))


def _as_pixels(mean: NDArray[np.float64], pixels: Pixels) -> Pixels:
    """A mean image in the type of the images; whole levels where theirs are."""
    return np.asarray(np.rint(mean) if pixels.dtype == np.uint8 else mean, dtype=pixels.dtype)


def _levels(pixels: Pixels) -> NDArray[np.float64]:
    pieces = [
        grey_of(np.asarray(pixels[start : start + CHUNK])).mean(axis=(1, 2), dtype=np.float64)
        for start in range(0, len(pixels), CHUNK)
    ]
    return np.concatenate(pieces)


def _cells(name: str) -> Mask:
    row, column = np.indices((CELLS, CELLS))
    edge_row, edge_column = np.minimum(row, CELLS - 1 - row), np.minimum(column, CELLS - 1 - column)
    found: dict[str, Mask] = {
        "border": (edge_row < 1) | (edge_column < 1),
        "corners": (edge_row < 3) & (edge_column < 3),
        "surround": (edge_row < 4) | (edge_column < 4),
    }
    return found[name]


REGIONS: tuple[Region, ...] = (
    Place("border", _cells("border")),
    Place("corners", _cells("corners")),
    Place("surround", _cells("surround")),
    Intensity(),
)
"""A ring of 1/16 of the side (as `images.quality` measures it), four corners of 3/16, everything but the central half
of the side, and brightness."""

__all__ = ["REGIONS", "Intensity", "Place", "Region"]
