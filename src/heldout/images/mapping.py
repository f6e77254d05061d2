"""Interventions on pixels: give an image the sharpness, noise, contrast … that other images have, and nothing else.

If validation images are as blurred as the test images are, and the model then does as badly as on test, blur is a cause
and not a bystander. Only what can be done honestly is done: images are degraded (blurred, smoothed, made noisy,
compressed) or their grey levels are moved (contrast, brightness, rim, colour). What would need information that is not
there (sharpening, taking blocks away) is left as it is. Grain is taken away by a light blur, which takes fine detail
with it: that is what smoother images lack, and no claim to have restored anything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter

from heldout.images import quality
from heldout.images.compression import compress
from heldout.images.grain import Grain, level_of
from heldout.images.levels import carried
from heldout.images.quality import CHUNK, DENOISING, FLOOR, Greys, Pixels, Reals, as_stack, grey_of, measured
from heldout.ties import levels, midranks

WIDTHS = np.concatenate([[0.0], np.geomspace(0.15, 12.0, 39)])
"""Widths σ of the Gaussian blur in pixels between which the right one is interpolated."""

SMOOTHING = np.concatenate([[0.0], np.geomspace(0.2, 2.0, 16)])
"""Widths σ in pixels of the blur that takes grain away, between which the right one is interpolated."""

ROUNDS = 4
"""Corrections of a strength by what it reached: rounding to 8 bits and clipping at 0 and 255 take a share away."""


def quantile_targets(source_values: Reals, target_values: Reals) -> Reals:
    """The value each image would have if the source's distribution were the target's and its rank stayed the same.

    Quantile mapping at the mid-ranks (Hazen's plotting position): a set mapped onto itself stays as it is.

    Args:
        source_values: (n,) a property of the images to change.
        target_values: (m,) the same property of the images to resemble; for one class at a time, as a rule.

    Returns:
        (n,) targets for `map_property`, non-decreasing in `source_values`.

    Raises:
        ValueError: Either is empty.

    >>> quantile_targets(np.array([5.0, 1.0, 3.0]), np.array([10.0, 20.0, 30.0])).tolist()
    [30.0, 10.0, 20.0]
    """
    if not len(source_values) or not len(target_values):
        raise ValueError(f"expected values of both sets, found {len(source_values)} and {len(target_values)}")
    ranks = (midranks(levels(source_values)) - 0.5) / len(source_values)
    mapped: Reals = np.quantile(np.asarray(target_values, dtype=np.float64), ranks, method="hazen")
    return mapped


def map_property(
    pixels: Pixels, name: str, target_values: Reals, seed: int = 0, grain: tuple[Grain, Grain] | None = None
) -> tuple[Pixels, Reals]:
    """`change_property`, and what it reached.

    Returns:
        The images, of the shape given, and the values that they have now, (n,): measured, not intended.

    Raises:
        ValueError: As `change_property`.
    """
    mapped = change_property(pixels, name, target_values, seed, grain)
    return mapped, measured(mapped, name)


def change_property(
    pixels: Pixels, name: str, target_values: Reals, seed: int = 0, grain: tuple[Grain, Grain] | None = None
) -> Pixels:
    """Change each image so that one measured property reaches its own target, where that is honestly possible.

    | property | change | left as it is |
    |---|---|---|
    | sharpness | Gaussian blur | targets above the value |
    | noise | normal noise, the same in all channels; for a lower target a light Gaussian blur | – |
    | blockiness | JPEG and back | targets below |
    | contrast | grey levels scaled about the image's mean | – |
    | brightness | a constant added | – |
    | border | a constant added to the rim | – |
    | colour | distance from grey scaled | grey images |

    Args:
        pixels: (n, h, w) or (n, h, w, c) uint8; or floats in 0 … 1, or other channels, to which the change of their 8
            bits is added.
        name: A property of `quality.PROPERTIES`.
        target_values: (n,) target of each image, in the property's unit; NaN leaves an image as it is.
        seed: Seed of the noise.
        grain: Grain that the images have and grain that they should have: noise that is added is spread over grey
            levels as the one lacks of the other. None spreads it evenly.

    Returns:
        The images, of the shape given.

    Raises:
        ValueError: An unknown property, another shape or type, or another number of targets.
    """
    if name not in CHANGES:
        raise ValueError(f"found property '{name}'; expected one of {', '.join(CHANGES)}")
    images = as_stack(pixels)
    targets = np.asarray(target_values, dtype=np.float64)
    if targets.shape != (len(images),):
        raise ValueError(f"expected {len(images)} targets, one an image, found shape {targets.shape}")
    rng = np.random.default_rng(seed)
    mapped = np.empty_like(images)
    change = partial(_add_noise, grain=grain) if name == "noise" else CHANGES[name]
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        mapped[part] = change(images[part], _wanted(images[part], name, targets[part]), rng)
    untouched = np.isnan(targets)
    mapped[untouched] = images[untouched]
    if mapped.size != pixels.size or pixels.dtype != np.uint8:
        return carried(pixels if pixels.ndim == 4 else pixels[..., None], images, mapped).reshape(pixels.shape)
    return mapped.reshape(pixels.shape)


def _wanted(images: Pixels, name: str, targets: Reals) -> Reals:
    """Targets without NaN: of noise the image's own, so that nobody smooths what stays as it is; else 0."""
    if name != "noise" or not np.isnan(targets).any():
        return np.nan_to_num(targets)
    return np.where(np.isnan(targets), quality.noise(grey_of(images)), targets)


def _rounded(values: Greys) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _per_image(values: Reals) -> Greys:
    """(n,) as (n, 1, 1, 1), to go with (n, h, w, c)."""
    return values.astype(np.float32)[:, None, None, None]


def _blur(images: Pixels, targets: Reals, rng: np.random.Generator) -> Pixels:
    """Blur by the width whose sharpness, known in closed form, is the target.

    With mirrored borders the cosine transform makes every symmetric filter a product, so the sharpness at any width is
    a ratio of two weighted sums of the image's power spectrum, and the blur itself one product.
    """
    frequency, variance_of, detail_of = _filters(images.shape[1], images.shape[2])
    grey = grey_of(images)
    power = dctn(grey, axes=(1, 2), norm="ortho").reshape(len(images), -1) ** 2 / frequency.size
    power[:, 0] = 0  # the mean has no part in a variance
    values = np.log(power @ detail_of + FLOOR) - np.log(power @ variance_of + FLOOR)  # (n, widths)
    now = quality.sharpness(grey)
    widths = np.array([_crossing(row, target) for row, target in zip(values, targets, strict=True)])
    chosen = targets < now
    kept = np.exp(-(widths[chosen] ** 2)[:, None, None] * frequency / 2).astype(np.float32)[..., None]
    mapped = images.copy()
    if chosen.any():
        coefficients = dctn(images[chosen].astype(np.float32), axes=(1, 2), norm="ortho")
        blurred: Greys = idctn(coefficients * kept, axes=(1, 2), norm="ortho").astype(np.float32)
        mapped[chosen] = _rounded(blurred)
    return mapped


@lru_cache(maxsize=2)
def _filters(height: int, width: int) -> tuple[Reals, Greys, Greys]:
    """Squared frequencies ω² (h, w), and what of the power each blur leaves to the variance of image and Laplacian.

    The two latter are (h·w, widths).
    """
    rows, columns = (np.pi * np.arange(side) / side for side in (height, width))
    frequency = rows[:, None] ** 2 + columns[None] ** 2
    laplacian = (2 * np.cos(rows)[:, None] + 2 * np.cos(columns)[None] - 4) ** 2
    passed = np.exp(-np.outer(frequency.ravel(), DENOISING**2 + WIDTHS**2))
    return frequency, passed.astype(np.float32), (passed * laplacian.reshape(-1, 1)).astype(np.float32)


def _crossing(values: Greys, target: float, widths: Reals = WIDTHS) -> float:
    """The smallest width at which the values, falling from left to right, have come down to the target."""
    below = np.flatnonzero(values <= target)
    if not len(below):
        return float(widths[-1])
    right = int(below[0])
    if right == 0:
        return 0.0
    high, low = float(values[right - 1]), float(values[right])
    share = (high - target) / (high - low)
    return float(widths[right - 1] + share * (widths[right] - widths[right - 1]))


def _add_noise(
    images: Pixels, targets: Reals, rng: np.random.Generator, grain: tuple[Grain, Grain] | None = None
) -> Pixels:
    """Add normal noise, or smooth; standard deviations of independent noises add as squares."""
    now = quality.noise(grey_of(images))
    images = _smoothed(images, targets, now)
    field = rng.standard_normal(images.shape[:3], dtype=np.float32)[..., None]  # grey images stay grey
    if grain is not None:
        field *= _relative(images, *grain)
    chosen = targets > now
    strength = np.sqrt(np.maximum(targets**2 - now**2, 0))
    return _corrected(
        images,
        chosen,
        strength,
        lambda strength: images + _per_image(strength) * field,
        lambda mapped: (
            np.sqrt(np.maximum(targets**2 - now**2, 0))
            / np.sqrt(np.maximum(quality.noise(grey_of(mapped)) ** 2 - now**2, 1e-6))
        ),
    )


def _relative(images: Pixels, has: Grain, wanted: Grain) -> Greys:
    """How strong the noise to be added is at each pixel, (n, h, w, 1), 1 in the mean square of an image."""
    spread = wanted.spread(level_of(grey_of(images)), less=has)[..., None]
    power = np.sqrt(np.mean(spread**2, axis=(1, 2, 3), keepdims=True))
    relative: Greys = np.where(power > 0, spread / np.where(power > 0, power, 1), 1).astype(np.float32)
    return relative


def _smoothed(images: Pixels, targets: Reals, now: Reals) -> Pixels:
    """Images whose noise lies above its target, blurred by the width that brings it there."""
    chosen = np.flatnonzero(targets < now)
    if not len(chosen):
        return images
    some = images[chosen].astype(np.float32)
    mapped = images.copy()
    for place, width in enumerate(_smoothing_widths(some, targets[chosen])):
        mapped[chosen[place]] = _rounded(gaussian_filter(some[place], (width, width, 0), mode="reflect"))
    return mapped


def _smoothing_widths(images: Greys, targets: Reals) -> list[float]:
    """For each image the smallest width at which its noise has come down to the target, (m,).

    Wider blurs are tried only on images that are not there yet.
    """
    values = np.full((len(images), len(SMOOTHING)), -np.inf, dtype=np.float32)
    lowest = np.full(len(images), np.inf)
    left = np.arange(len(images))
    for place, width in enumerate(SMOOTHING):
        blurred = _rounded(gaussian_filter(images[left], (0, width, width, 0), mode="reflect"))
        lowest[left] = np.minimum(lowest[left], quality.noise(grey_of(blurred)))
        values[left, place] = lowest[left]
        left = left[values[left, place] > targets[left].astype(np.float32)]
        if not len(left):
            break
    return [_crossing(row, float(target), SMOOTHING) for row, target in zip(values, targets, strict=True)]


def _scale_contrast(images: Pixels, targets: Reals, rng: np.random.Generator) -> Pixels:
    grey = grey_of(images)
    now = grey.std(axis=(1, 2), dtype=np.float64)
    middle = _per_image(grey.mean(axis=(1, 2), dtype=np.float64))
    return _corrected(
        images,
        (now > 0) & (targets >= 0),
        targets / np.maximum(now, 1e-6),
        lambda strength: middle + _per_image(strength) * (images - middle),
        lambda mapped: targets / np.maximum(grey_of(mapped).std(axis=(1, 2), dtype=np.float64), 1e-6),
    )


def _scale_colour(images: Pixels, targets: Reals, rng: np.random.Generator) -> Pixels:
    now = quality.colour(images)
    grey = grey_of(images)[..., None]
    return _corrected(
        images,
        (now > 0) & (targets >= 0),
        targets / np.maximum(now, 1e-6),
        lambda strength: grey + _per_image(strength) * (images - grey),
        lambda mapped: targets / np.maximum(quality.colour(mapped), 1e-6),
    )


def _shift(images: Pixels, targets: Reals, rng: np.random.Generator) -> Pixels:
    return _shifted(images, targets, np.ones(images.shape[1:3], dtype=np.bool_))


def _shift_rim(images: Pixels, targets: Reals, rng: np.random.Generator) -> Pixels:
    """Move the rim's grey levels instead of painting it over: an image whose rim is right already stays as it is."""
    return _shifted(images, targets, quality.rim_of(images.shape[1], images.shape[2]))


def _shifted(images: Pixels, targets: Reals, where: NDArray[np.bool_]) -> Pixels:
    """Add to the pixels of a mask what brings their mean to the target; again for what clipping took away.

    Grey levels are whole, so the mean can miss its target by half a level; the nearest that was met is kept.
    """
    weights = where.ravel().astype(np.float32) / int(where.sum())

    def mean(tried: Pixels) -> Reals:
        average: Reals = (grey_of(tried).reshape(len(tried), -1) @ weights).astype(np.float64)
        return average

    best, error, amount = images.copy(), targets - mean(images), np.zeros(len(images))
    missing = error
    for _ in range(2 * ROUNDS):
        if np.all(np.abs(error) <= 0.5):
            break
        amount = np.clip(amount + missing, -255, 255)
        tried = _rounded(images + _per_image(amount) * where[None, ..., None])
        missing = targets - mean(tried)
        better = np.abs(missing) < np.abs(error)
        best[better], error = tried[better], np.where(better, missing, error)
    return best


def _corrected(
    images: Pixels,
    chosen: NDArray[np.bool_],
    strength: Reals,
    apply: Callable[[Reals], Greys],
    factor: Callable[[Pixels], Reals],
) -> Pixels:
    """Apply a strength, see how far it reached, multiply it by what is missing, a few times; only to the chosen."""
    mapped = _rounded(apply(strength))
    for _ in range(ROUNDS):
        strength = strength * np.clip(factor(mapped), 0.5, 2)
        mapped = _rounded(apply(strength))
    return np.where(chosen[:, None, None, None], mapped, images)


Change = Callable[[Pixels, Reals, np.random.Generator], Pixels]

CHANGES: dict[str, Change] = {
    "sharpness": _blur,
    "noise": _add_noise,
    "contrast": _scale_contrast,
    "brightness": _shift,
    "blockiness": compress,
    "border": _shift_rim,
    "colour": _scale_colour,
}
"""How each property is changed."""
