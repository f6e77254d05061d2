"""Images changed as widely as laboratories differ: stain and light, saturation, magnification and framing.

A colour is light that was let through: by the law of Beer and Lambert it is exp(−optical density), so that a stain that
is thicker or thinner raises it to a power. Ranges were set on white blood cells of one laboratory that lie on two kinds
of background, learning from one kind and scored on the other (docs/strategies.md); none was searched for.

Sources: Tellez et al., Quantifying the effects of data augmentation and stain color normalization in convolutional
neural networks for computational pathology, Medical Image Analysis 2019 (colour drawn strongly carries over between
laboratories best); Tobin et al., Domain randomization for transferring deep neural networks from simulation to the real
world, IROS 2017.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812  (the field's name for it)

SATURATION = (0.0, 1.6)
"""Factor of the distance from grey; 0 is grey."""

DENSITY = 0.5
"""Largest logarithm of the factor of a channel's optical density."""

LIGHT = 0.25
"""Largest relative change of a channel's light."""

MAGNIFICATION = (0.83, 1.43)
"""Factor of all sizes in the image; where it is below 1 the rim is mirrored."""

SHIFT = 0.04
"""Largest shift to each side, in widths of the image."""

DARKEST = 1e-3
"""Least light, in 0 … 1: a power of 0 stays 0, and of less than one grey level it would jump."""


def widely_changed(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Every image of a batch changed at random.

    Args:
        x: (n, c, s, s) uint8, or floats in 0 … 1. With three channels colours change too; otherwise each channel's
            light and density, of one channel the grey levels.
        generator: What is drawn from.

    Returns:
        The same shape and type.
    """
    n, c = x.shape[:2]
    y = x.float() / 255 if x.dtype == torch.uint8 else x.float()
    if c == 3:
        grey = y.mean(1, keepdim=True)
        y = (y - grey).mul_(_draw(generator, y, (n, 1), *SATURATION)).add_(grey)
    y = y.clamp(DARKEST, 1).pow_(torch.exp(_draw(generator, y, (n, c), -DENSITY, DENSITY)))
    y = y.mul_(_draw(generator, y, (n, c), 1 - LIGHT, 1 + LIGHT)).clamp_(0, 1)
    y = _framed(y, generator)
    return y.mul_(255).round_().to(torch.uint8) if x.dtype == torch.uint8 else y


def _draw(
    generator: torch.Generator, like: torch.Tensor, shape: tuple[int, int], low: float, high: float
) -> torch.Tensor:
    """Uniform numbers (n, c or 1, 1, 1), where `like` is."""
    return (low + (high - low) * torch.rand(*shape, 1, 1, generator=generator)).to(like.device)


def _framed(y: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image larger or smaller and shifted, by bilinear interpolation."""
    n = len(y)
    scale = 1 / _draw(generator, y, (n, 1), *MAGNIFICATION).reshape(n)
    places = torch.zeros(n, 2, 3, device=y.device)
    places[:, 0, 0] = places[:, 1, 1] = scale
    places[:, :, 2] = _draw(generator, y, (n, 2), -2 * SHIFT, 2 * SHIFT).reshape(n, 2)
    grid = F.affine_grid(places, list(y.shape), align_corners=False)
    return F.grid_sample(y, grid, padding_mode="reflection", align_corners=False)
