"""Morphological features measured on the pixels alone, by textbook means; knows nothing of the simulator."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

NAMES = (
    "area",
    "roundness",
    "solidity_gap",
    "slow_waves",
    "fast_waves",
    "pallor",
    "texture",
    "mean_absorbance",
    "background",
)
SHAPE = NAMES[:7]


def measure(image: np.ndarray, offset: float = 0.0) -> np.ndarray:
    """(9,) features of one grey image of a dark cell in its middle."""
    grey = image.astype(float) - offset
    background = float(np.percentile(grey, 90))
    absorbance = -np.log10(np.clip(grey, 1, None) / background)
    smooth = ndimage.gaussian_filter(absorbance, 0.7)
    centre = tuple(slice(s // 2 - 12, s // 2 + 12) for s in image.shape)
    mask = ndimage.binary_fill_holes(smooth > 0.45 * np.percentile(smooth[centre], 75))
    regions, _ = ndimage.label(mask)
    sizes = np.bincount(regions[centre].ravel())
    sizes[0] = 0
    cell = regions == (int(sizes.argmax()) if sizes.any() else 0)
    area = cell.sum()
    rows, columns = np.nonzero(cell)
    cy, cx = rows.mean(), columns.mean()
    edge = _radius(smooth, cy, cx, 0.45 * np.percentile(smooth[cell], 75))
    spectrum = np.abs(np.fft.rfft(edge)) / edge.size / edge.mean()
    distance = np.hypot(*np.meshgrid(np.arange(image.shape[1]) - cx, np.arange(image.shape[0]) - cy)) / edge.mean()
    inner, ring = smooth[distance < 0.25].mean(), smooth[(distance > 0.5) & (distance < 0.8)].mean()
    fine = ndimage.gaussian_filter(absorbance, 1.0) - ndimage.gaussian_filter(absorbance, 2.5)
    local_maximum = ndimage.grey_opening(edge, 9, mode="wrap")
    return np.array(
        [
            area,
            _perimeter(edge) ** 2 / (4 * np.pi * area),
            np.mean(edge - local_maximum) / edge.mean(),
            np.log(np.sum(spectrum[2:5] ** 2)),
            np.log(np.sum(spectrum[5:20] ** 2)),
            inner / ring,
            np.log(fine[distance < 0.7].std() / smooth[cell].mean()),
            absorbance[cell].mean(),
            background,
        ]
    )


def _radius(smooth: np.ndarray, cy: float, cx: float, level: float) -> np.ndarray:
    """Distance from the middle at which the absorbance first falls below a level for good, at 128 angles, pixels."""
    angles = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    steps = np.arange(8, 40, 0.25)
    points = [cy + np.outer(np.sin(angles), steps), cx + np.outer(np.cos(angles), steps)]
    profile = ndimage.map_coordinates(smooth, points, order=1, mode="nearest")
    below = profile < level
    below[:, -1] = True
    return steps[below.argmax(axis=1)]


def _perimeter(edge: np.ndarray) -> float:
    angles = np.linspace(0, 2 * np.pi, edge.size, endpoint=False)
    contour = edge * np.exp(1j * angles)
    return float(np.abs(np.diff(np.append(contour, contour[0]))).sum())


def measure_all(images: np.ndarray) -> np.ndarray:
    """(n, 9)."""
    return np.array([measure(image) for image in images])
