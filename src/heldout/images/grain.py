"""How much grain stands at which grey level: a camera counts photons, so that bright areas are grainier than dark ones.

The Poisson-Gaussian model of a sensor (Foi et al. 2008, "Practical Poissonian-Gaussian noise modeling and fitting for
single-image raw-data"): the variance of the grain is a straight line in the grey level. Its slope may be negative, as
in scans that are shown inverted. Grain of one strength everywhere would cover the dark inside of a cell, where a real
camera sees clearly, and networks look there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from heldout.images.quality import Greys, Pixels, Reals, as_stack, grey_of, roughness

Indices = NDArray[np.int64]

BINS = 12
"""Grey levels at which the variance is measured, with equally many pixels each."""

SMOOTHING = 1.5
"""Width in pixels of the blur behind which the grey level of a pixel is read."""

ENOUGH = 200
"""Images that are measured, evenly spread, where there are more."""

CLIPPED = 2.5
"""Standard deviations from black and from white within which grain is cut off, and its variance is no measure."""


@dataclass(frozen=True)
class Grain:
    """Variance of the grain, grey levels squared: `constant + slope · level`, and never below 0."""

    constant: float
    slope: float = 0.0

    def spread(self, levels: Greys, less: Grain | None = None) -> Greys:
        """Standard deviation at grey levels 0 … 255, of any shape; `less` is grain that is there already.

        >>> Grain(4.0, 0.1).spread(np.array([0.0, 50.0], dtype=np.float32), less=Grain(0.0, 0.1)).tolist()
        [2.0, 2.0]
        """
        constant, slope = self.constant, self.slope
        if less is not None:
            constant, slope = constant - less.constant, slope - less.slope
        spread: Greys = np.sqrt(np.maximum(constant + slope * levels, 0)).astype(np.float32)
        return spread


def evenly(n: int) -> Indices:
    """Rows of the images among n that are measured: all, or `ENOUGH` of them, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(ENOUGH, n)).round().astype(np.int64))


def level_of(grey: Greys) -> Greys:
    """Grey level behind the grain of every pixel of (n, h, w)."""
    smooth: Greys = gaussian_filter(grey, (0, SMOOTHING, SMOOTHING), mode="reflect")
    return smooth


def grain_of(pixels: Pixels) -> Grain:
    """The grain that images have, as a line fitted to its variance at a dozen grey levels.

    Measured as `quality.noise` measures it, so fine texture counts as grain. Where the levels say nothing, because all
    lie near black or white or are the same, the grain is taken as the same everywhere.

    Args:
        pixels: (n, h, w[, c]) uint8, or floats in 0 … 1; sides of at least 3 pixels.
    """
    images = as_stack(pixels)
    grey = grey_of(images[evenly(len(images))])
    rough = roughness(grey).ravel()
    level = level_of(grey)[:, 1:-1, 1:-1].ravel()
    edges = np.unique(np.quantile(level, np.linspace(0, 1, BINS + 1)))
    place = np.clip(np.searchsorted(edges, level, side="right") - 1, 0, max(len(edges) - 2, 0))
    number = np.bincount(place)
    at = np.bincount(place, level) / number
    variance: Reals = (np.bincount(place, rough) / number) ** 2
    spread = CLIPPED * np.sqrt(variance)
    sound = (at > spread) & (at < 255 - spread)
    if sound.sum() < 3 or np.ptp(at[sound]) < 1:
        return Grain(float(np.average(variance, weights=number)))
    slope, constant = np.polyfit(at[sound], variance[sound], 1)
    return Grain(float(constant), float(slope))
