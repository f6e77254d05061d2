"""Small images with several independent findings each: a disc, a bar, stripes; in MedMNIST's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FINDINGS = ("disc", "bar", "stripes")
SIDE = 32


def findings(n: int, seed: int, shares: tuple[float, ...] = (0.4, 0.3, 0.25)) -> NDArray[np.int64]:
    """(n, 3) of 0 and 1, each finding drawn by itself; of the first four images each has none, one, two or all."""
    labels = (np.random.default_rng((seed, 1)).random((n, 3)) < shares).astype(np.int64)
    labels[:4] = [[0, 0, 0], [1, 0, 0], [0, 1, 1], [1, 1, 1]][: len(labels)]
    return labels


def drawn(labels: NDArray[np.int64], seed: int, noise: float = 20.0) -> NDArray[np.uint8]:
    """(n, 32, 32) uint8 images that show these findings on grey noise."""
    rng = np.random.default_rng((seed, 2))
    y, x = np.mgrid[:SIDE, :SIDE]
    images = rng.normal(110, noise, (len(labels), SIDE, SIDE))
    for image, (disc, bar, stripes) in zip(images, labels, strict=True):
        if disc:
            cy, cx = rng.integers(8, 24, 2)
            image[(y - cy) ** 2 + (x - cx) ** 2 < 25] += 90
        if bar:
            top = int(rng.integers(4, 26))
            image[top : top + 3] -= 80
        if stripes:
            image[:, :: int(rng.integers(3, 5))] += 50
    return images.clip(0, 255).astype(np.uint8)


def write_npz(path: Path, sizes: tuple[int, int, int] = (60, 40, 40), seed: int = 0) -> Path:
    """A file as `chestmnist.npz` is: labels (n, k) of 0 and 1 in every part."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for number, (part, n) in enumerate(zip(("train", "val", "test"), sizes, strict=True)):
        labels = findings(n, seed + number)
        arrays |= {f"{part}_images": drawn(labels, seed + number), f"{part}_labels": labels.astype(np.uint8)}
    np.savez(path, **arrays)
    return path
