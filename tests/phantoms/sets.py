"""A small set of images that no simulator made: smooth random pictures of three parts, two classes, many patients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import ndimage


class Set(NamedTuple):
    images: np.ndarray
    table: pd.DataFrame


def real_set(channels: int = 0, spare: bool = True, classes: tuple[str, ...] = ("ill", "well")) -> Set:
    """40 + 20 + 24 images of 20×24 pixels, two of three from the first of two sites, and a third more to spare."""
    chance = np.random.default_rng(5)
    rows = []
    for part, (images, each) in {"train": (40, 5), "val": (20, 4), "test": (24, 4)}.items():
        total = images * 2 if spare else images
        for k in range(total):
            patient = f"{part}-{k % images // each}"
            rows.append((f"{part}{k}", classes[k % len(classes)], patient, "ab"[k % 3 > 1], part, k >= images))
    table = pd.DataFrame(rows, columns=["id", "label", "patient", "site", "split", "spare"])
    table["difficulty"] = chance.random(len(table))
    table["darkness"] = chance.random(len(table))
    shape = (len(table), 20, 24, *([channels] if channels else []))
    smooth = ndimage.gaussian_filter(chance.standard_normal(shape), (0, 1, 1, 0)[: len(shape)])
    level = 110 + 25 * chance.standard_normal(len(table))
    images = level.reshape(-1, *[1] * (len(shape) - 1)) + 120 * smooth
    return Set(np.clip(images, 0, 255).astype(np.uint8), table)
