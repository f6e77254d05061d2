"""Images changed at random on the way into the network: whole batches at once, drawn from a seed.

Strengths are mild on purpose, but for `wide`: an image must stay one that its own microscope or scanner could have
taken. Which changes matter between laboratories: Tellez et al., Quantifying the effects of data augmentation and stain
color normalization in convolutional neural networks for computational pathology, Medical Image Analysis 2019; the
corruptions follow Hendrycks & Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations, ICLR 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F  # noqa: N812  (the field's name for it)

from heldout.images.levels import carried, eight_bit
from heldout.strategies.strategy import Augment
from heldout.training.predict import to_tensor
from heldout.training.task import Part
from heldout.training.wide import widely_changed

BRIGHTNESS = CONTRAST = 0.2
"""Largest relative change."""

BLURRED, BLUR = 0.3, (0.3, 1.2)
"""Share of images, and range of the Gaussian's standard deviation in pixels."""

NOISY, NOISE = 0.3, 8.0
"""Share of images, and largest standard deviation in grey levels of 255."""

COMPRESSED, QUALITY = 0.2, (50, 95)
"""Share of images, and range of the JPEG quality."""

RADIUS = 4
"""Half the width of the blur's kernel in pixels: more than three of the largest standard deviation."""


def generator_of(*numbers: int) -> torch.Generator:
    """A source of random numbers that depends on these alone."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator().manual_seed(seed)


def augmented(x: torch.Tensor, preset: Augment, generator: torch.Generator) -> torch.Tensor:
    """Every image of a batch changed at random.

    Args:
        x: (n, c, s, s) uint8, or floats in 0 … 1, which are not rounded.
        preset: `none`, `mirror` (left and right), `flips` (all eight flips and quarter turns), `optical` (brightness,
            contrast, blur, noise, JPEG), `all` (`flips` and `optical`), or `wide` (`all`, and stain, light and
            magnification as widely as laboratories differ: `training.wide`).
        generator: What is drawn from.

    Returns:
        (n, c, s, s) of the same type, channels last in memory.
    """
    if preset == "none":
        return x
    if preset == "wide":
        x = widely_changed(x, generator)
    if preset in ("mirror", "flips", "all", "wide"):
        x = _turned(x, generator, every=preset != "mirror")
    if preset in ("optical", "all", "wide"):
        x = _compressed(_optical(x, generator), generator)
    return x.contiguous(memory_format=torch.channels_last)


def _draw(generator: torch.Generator, x: torch.Tensor, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
    """One number an image, uniform, (n, 1, 1, 1) float32."""
    return (low + (high - low) * torch.rand(len(x), 1, 1, 1, generator=generator)).to(x.device)


def _turned(x: torch.Tensor, generator: torch.Generator, every: bool) -> torch.Tensor:
    x = torch.where(_draw(generator, x) < 0.5, x.flip(3), x)
    if every:
        x = torch.where(_draw(generator, x) < 0.5, x.flip(2), x)
        x = torch.where(_draw(generator, x) < 0.5, x.transpose(2, 3), x)
    return x


def _optical(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    whole = x.dtype == torch.uint8
    y = x.float() if whole else x.float() * 255
    mean = y.mean(dim=(1, 2, 3), keepdim=True)
    y.sub_(mean).mul_(_draw(generator, x, 1 - CONTRAST, 1 + CONTRAST)).add_(mean)
    y.mul_(_draw(generator, x, 1 - BRIGHTNESS, 1 + BRIGHTNESS))
    blurred, width = _draw(generator, x).flatten() < BLURRED, _draw(generator, x, *BLUR)
    if blurred.any():
        y[blurred] = _blurred(y[blurred], width[blurred])
    sigma = _draw(generator, x, 0.0, NOISE) * (_draw(generator, x) < NOISY)
    y.add_(_normal(y, generator).mul_(sigma))
    return y.round_().clamp_(0, 255).to(torch.uint8) if whole else y.clamp_(0, 255) / 255


def _normal(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Standard normal numbers of its shape, drawn where it is: a GPU would wait for a batch drawn by a CPU."""
    if like.device.type == "cpu":
        return torch.randn(like.shape, generator=generator)
    seed = int(torch.randint(2**62, (), generator=generator))
    there = torch.Generator(like.device).manual_seed(seed)
    return torch.randn(like.shape, generator=there, device=like.device)


def _blurred(y: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Each image with a Gaussian of its own: y (n, c, s, s) float32, sigma (n, 1, 1, 1) in pixels."""
    n, c, h, w = y.shape
    radius = min(RADIUS, h - 1, w - 1)  # reflection needs as many pixels
    places = torch.arange(-radius, radius + 1, device=y.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (places / sigma.reshape(n, 1)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(c, 0)[:, None, None]  # (n c, 1, 1, 2 r + 1)
    flat = F.pad(y.reshape(1, n * c, h, w), (radius, radius, radius, radius), mode="reflect")
    across = F.conv2d(flat, kernel, groups=n * c)
    return F.conv2d(across, kernel.transpose(2, 3), groups=n * c).reshape(n, c, h, w)


def _compressed(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    chosen = torch.rand(len(x), generator=generator) < COMPRESSED
    qualities = torch.randint(QUALITY[0], QUALITY[1] + 1, (len(x),), generator=generator)
    rows = chosen.nonzero().flatten()
    if not len(rows):
        return x
    changed = [
        _recompressed(image, int(qualities[row])) for row, image in zip(rows, x[rows.to(x.device)].cpu(), strict=True)
    ]
    x = x.clone()
    x[rows.to(x.device)] = torch.stack(changed).to(x.device)
    return x


def _recompressed(image: torch.Tensor, quality: int) -> torch.Tensor:
    """One image (c, s, s) with what JPEG does to it; of floats, what it does to their 8 bits is added."""
    if image.dtype == torch.uint8 and len(image) in (1, 3):
        return _through_jpeg(image, quality)
    values = image.permute(1, 2, 0).numpy()
    before = eight_bit(values)
    after = _through_jpeg(torch.from_numpy(before).permute(2, 0, 1), quality).permute(1, 2, 0).numpy()
    return torch.from_numpy(carried(values, before, after)).permute(2, 0, 1)


def _through_jpeg(image: torch.Tensor, quality: int) -> torch.Tensor:
    """One image (1 or 3, s, s) uint8 written as JPEG and read again."""
    values = image.permute(1, 2, 0).numpy()
    buffer = BytesIO()
    Image.fromarray(values[..., 0] if values.shape[2] == 1 else values).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as read:
        array = np.array(read)
    return torch.from_numpy(array.reshape(values.shape)).permute(2, 0, 1)


@dataclass(frozen=True)
class _Changed:
    """Pixels that are changed when they are read, the same each time; only slices can be read.

    Attributes:
        pixels: (n, s, s, c), uint8 or floats in 0 … 1.
        preset: What changes.
        seed: With the place in the array it decides how.
        view: Likewise.
    """

    pixels: NDArray[Any]
    preset: Augment
    seed: int
    view: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.pixels.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels.dtype

    @property
    def ndim(self) -> int:
        return self.pixels.ndim

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        taken = to_tensor(self.pixels[rows], torch.device("cpu"))
        changed = augmented(taken, self.preset, generator_of(self.seed, self.view, rows.start or 0))
        array: NDArray[Any] = changed.permute(0, 2, 3, 1).numpy()
        return array


def views_of(part: Part, preset: Augment, views: int, seed: int) -> tuple[Part, ...]:
    """The part itself and `views` − 1 changed ones, whose ids are their own, for a cache; just the part for `none`."""
    if preset == "none":
        return (part,)
    others = []
    for view in range(1, views):
        pixels = cast(NDArray[Any], _Changed(part.pixels, preset, seed, view))
        others.append(Part(tuple(f"{id_} {preset} {seed}.{view}" for id_ in part.ids), pixels, part.labels))
    return (part, *others)
