"""Descriptors for the search: how strong each low frequency is, wherever its waves lie.

The size of the Fourier transform of a windowed image does not change when the image is shifted; a half turn leaves it
as well, and the other symmetries only reorder it (`REORDERED`). Turns, zooms and what a rim brings in do change it.
How they do is measured on copies made of some of the images: the axes that are kept (linear discriminant analysis,
Fisher 1936) are those in which images differ most by what such copies of one image differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, linalg

from heldout.images.copies.small import Floats, Integers
from heldout.images.copies.symmetries import place_of

RADIUS = 8
"""Highest frequency, in waves a side of 32 pixels."""

AXES = 48
"""Axes kept."""

POWER = 0.5
"""Sizes are raised to this, lest the lowest frequencies be all."""

RIDGE = 1e-3
"""Of the mean variance of copies, added to each axis's."""

REPRESENTATIVES = (0, 4, 1, 5)
"""Symmetries that reorder the sizes differently; with a half turn they are all eight."""


def _frequencies() -> list[tuple[int, int]]:
    """(rows, columns) of half of all low frequencies; the other half has the same sizes."""
    span = range(-RADIUS, RADIUS + 1)
    return [(u, v) for u in span for v in span if 0 < u * u + v * v <= RADIUS**2 and (v > 0 or (v == 0 and u > 0))]


FREQUENCIES = _frequencies()


def spectra(images: Floats) -> Floats:
    """Sizes of the low frequencies of images, (n, f), each row of length 1.

    Args:
        images: (n, 32, 32), 0 where nothing is shown.
    """
    side = images.shape[-1]
    line = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(side) + 0.5) / side)
    window = (line[:, None] * line).astype(np.float32)
    level = (images * window).sum(axis=(1, 2), keepdims=True) / window.sum()
    whole = np.abs(fft.rfft2((images - level) * window))
    u, v = np.array(FREQUENCIES).T
    sizes = whole[:, u, v] ** POWER
    length = np.linalg.norm(sizes, axis=1, keepdims=True)
    result: Floats = (sizes / np.maximum(length, 1e-6)).astype(np.float32)
    return result


def reordered(symmetry: int) -> Integers:
    """(f,) where the spectrum of the changed image finds its values in that of the image."""
    side = 2 * RADIUS + 1  # frequencies −8 … 8 turn as pixels of a square do
    places = place_of(symmetry, side).reshape(side, side)
    number = {}
    for i, (u, v) in enumerate(FREQUENCIES):
        number[(u + RADIUS) * side + v + RADIUS] = i
        number[(RADIUS - u) * side + RADIUS - v] = i
    return np.array([number[int(places[u + RADIUS, v + RADIUS])] for u, v in FREQUENCIES], dtype=np.int64)


@dataclass(frozen=True)
class Axes:
    """Axes of the search.

    Attributes:
        middle: (f,) mean spectrum.
        axes: (f, d); along them, copies of one image vary with variance 1.
    """

    middle: Floats
    axes: Floats

    def of(self, rows: Floats, symmetry: int = 0) -> Floats:
        """(n, d) coordinates of images with these spectra, changed by a symmetry."""
        return np.asarray((rows[:, reordered(symmetry)] - self.middle) @ self.axes, dtype=np.float32)


def learn_axes(rows: Floats, made: Floats, of: NDArray[np.int64]) -> Axes:
    """The axes along which images differ most by what copies of one differ.

    Args:
        rows: (n, f) spectra of images.
        made: (m, f) spectra of copies made of some of them.
        of: (m,) which image each copy was made of.
    """
    _, group = np.unique(of, return_inverse=True)
    count = np.bincount(group)
    mean = np.stack([np.bincount(group, weights=column) for column in made.T.astype(np.float64)], axis=1)
    deviation = made - (mean / count[:, None])[group]
    within = deviation.T @ deviation / max(len(made) - len(count), 1)
    within += np.eye(len(within)) * (RIDGE * np.trace(within) / len(within) + 1e-9)
    middle = rows.mean(axis=0, dtype=np.float64)
    centred = rows - middle
    total = centred.T @ centred / max(len(rows) - 1, 1)
    axes = linalg.eigh(total, within)[1][:, ::-1][:, :AXES]
    return Axes(middle.astype(np.float32), axes.astype(np.float32))
