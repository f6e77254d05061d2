"""Maps of classes, those of the control, and how alike the two are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Maps = NDArray[np.float32]

GRAD_CAM, WITHOUT_AVERAGE = "Grad-CAM", "gradient × activation"
"""How maps are made: of feature maps, and of tokens (`grad_cam.grad_cam`)."""


@dataclass(frozen=True)
class ClassMaps:
    """Which places speak for a class, by the network and by its control, whose weights are random.

    Attributes:
        classes: (m,) the classes that were asked about.
        layer: Name of the module whose output the maps are of, within the network.
        method: `Grad-CAM` in maps, `gradient × activation` in tokens (see `grad_cam.grad_cam`).
        maps: (n, m, h, w) float32 in 0 … 1 at that layer's resolution, each divided by its own maximum.
        maxima: (n, m) float32, that maximum, in units of the logit; 0 where no place speaks for the class, and all of
            the map is 0.
        control: (n, m, h, w), as `maps`, of the same layer of the network with random weights.
        control_maxima: (n, m), likewise; of another network, so not to be compared with `maxima`.
        similarity: (n, m) float64, Spearman's rank correlation of the places of map and control, −1 … 1; nan where one
            of them is the same everywhere. Near 1 the map is what a network shows that has learned nothing.
        seed: Of the random weights.
        of_tokens: Whether the layer's places are a transformer's tokens, which its layers mix: such maps may lie
            anywhere.
    """

    classes: tuple[str, ...]
    layer: str
    method: str
    maps: Maps
    maxima: Maps
    control: Maps
    control_maxima: Maps
    similarity: NDArray[np.float64]
    seed: int
    of_tokens: bool


def scaled(raw: Maps) -> tuple[Maps, Maps]:
    """Maps (n, m, h, w), none below 0, divided by their maxima, and the maxima (n, m); a map of zeros stays one."""
    maxima = raw.max(axis=(2, 3))
    divisors: Maps = np.where(maxima > 0, maxima, np.float32(1)).astype(np.float32)
    return raw / divisors[..., None, None], maxima


def rank_correlation(first: Maps, second: Maps) -> NDArray[np.float64]:
    """Spearman's rank correlation of the places of two maps each, places of equal value sharing their ranks.

    What Adebayo et al. compare maps by (Sanity Checks for Saliency Maps, NeurIPS 2018), beside structural similarity
    and histograms of gradients: those need windows of 7 pixels and more, which maps of 4 × 4 to 14 × 14 do not have.

    Args:
        first: (n, m, h, w).
        second: Likewise.

    Returns:
        (n, m); nan where one of the two maps has the same value everywhere.

    >>> a = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    >>> rank_correlation(a, a**3).item(), rank_correlation(a, -a).item()
    (1.0, -1.0)
    """
    x, y = (rankdata(maps.reshape(*maps.shape[:2], -1), axis=2) for maps in (first, second))
    x, y = (ranks - ranks.mean(axis=2, keepdims=True) for ranks in (x, y))
    size = np.sqrt((x**2).sum(axis=2) * (y**2).sum(axis=2))
    with np.errstate(invalid="ignore"):
        correlation: NDArray[np.float64] = (x * y).sum(axis=2) / np.where(size > 0, size, np.nan)
    return correlation.clip(-1, 1)
