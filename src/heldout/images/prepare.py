"""From an image as its file has it to what is made square for a network, by one rule for all images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from heldout.images.channels import projected
from heldout.images.decoded import Decoded
from heldout.images.errors import ImageError
from heldout.images.intensity import Span, parse_intensity, scaled
from heldout.images.reading import eight_bits
from heldout.records.input_map import InputMap

Array = npt.NDArray[Any]

EIGHT, MORE, REAL = "8 bits or fewer", "more than 8 bits", "floating point"
"""Kinds of depth whose values have scales of their own."""


def depth_of(image: Decoded) -> str:
    """`EIGHT`, `MORE` or `REAL`; rescaled values whose ends the file tells are whole numbers."""
    if image.pixels.dtype.kind == "f" and image.span is None:
        return REAL
    return EIGHT if image.bits <= 8 else MORE


def check_depth(image: Decoded, rule: InputMap | None, where: str) -> None:
    """Refuse a new image of another depth than the training images had: its values would be misread.

    A run without a rule learned from 8-bit grey and RGB, and has none by which to read anything else.

    Args:
        image: As its file has it.
        rule: The run's; one made before depths were kept is not checked here.
        where: How to name the image.

    Raises:
        ImageError: Its depth is another.
    """
    if rule is None:
        if not image.eight_bit:
            remedy = "Convert it as the training images were converted, or leave it out."
            raise ImageError(where, _kind(image), "8-bit grey or RGB, as the training images are", remedy)
        return
    in_units = (
        image.bits <= 8 and image.pixels.dtype.kind in "fi" and image.span is not None
    )  # of the device, as deeper
    if not rule.depths or in_units or depth_of(image) in rule.depths:
        return
    raise ImageError(
        where,
        _depth(image),
        f"{' or '.join(rule.depths)}, as the training images have",
        f"Save it in the depth and scale of the training images: --intensity {rule.intensity} would misread these.",
    )


def chosen_channels(image: Decoded, rule: InputMap, where: str) -> Decoded:
    """The image with the channels that are selected; a grey one among colour has three equal ones.

    Raises:
        ImageError: It has another number of channels than the images of the study.
    """
    if not rule.channels:
        return image
    pixels = image.pixels if image.pixels.ndim == 3 else image.pixels[..., None]
    if pixels.shape[-1] == 1 and rule.of == 3:
        pixels = np.repeat(pixels, 3, axis=-1)
    if pixels.shape[-1] != rule.of:
        found = f"an image of {pixels.shape[-1]} channels"
        raise ImageError(where, found, f"{rule.of}, as the images of training have", "Choose images of one kind.")
    if not rule.chosen:
        return replace(image, pixels=pixels)
    kept = pixels[..., list(rule.chosen)]
    if len(rule.chosen) == 1:
        return replace(image, pixels=kept[..., 0], photometric="grey")
    return replace(image, pixels=kept)


def as_input(image: Decoded, rule: InputMap | None, where: str) -> Array:
    """Pixels of an image before they are made square.

    Args:
        image: As its file has it.
        rule: The study's; None takes 8-bit grey and RGB as they are, and nothing else.
        where: How to name the image.

    Returns:
        (h, w) or (h, w, k): uint8 where the values of the file are kept, else float32 in 0 … 1.

    Raises:
        ImageError: The rule has no numbers for this image.
    """
    if rule is None:
        return eight_bits(image, where)
    image = chosen_channels(image, rule, where)
    if rule.intensity:
        policy = parse_intensity(rule.intensity)
        refusal = policy.refusal(image)
        if refusal:
            remedy = "Choose another policy with --intensity, or leave the image out."
            raise ImageError(where, refusal, f"an image that {policy.text} fits", remedy)
        pixels: Array = scaled(image.pixels, policy.span(image, _learned(rule, image.pixels)))
    elif image.pixels.dtype == np.uint8:
        pixels = image.pixels
    else:
        raise ImageError(
            where, _depth(image), "8 bits, as the images of training have", "Choose --intensity for all of them."
        )
    if rule.channels == "project":
        pixels = projected(pixels) if pixels.dtype != np.uint8 else projected(pixels) / np.float32(255)
    if rule.eight_bit and pixels.dtype != np.uint8:
        pixels = np.rint(pixels * np.float32(255)).astype(np.uint8)
    return pixels


def _learned(rule: InputMap, pixels: Array) -> Span | None:
    """The numbers of the training images; of one for all channels where the image is grey."""
    if not rule.low:
        return None
    return Span(rule.low, rule.high)


def _kind(image: Decoded) -> str:
    """Its depth; or its number of channels, where that is what is wrong."""
    return f"an image of {image.pixels.shape[-1]} channels" if image.pixels.dtype == np.uint8 else _depth(image)


def _depth(image: Decoded) -> str:
    kind = "floating-point values" if image.pixels.dtype.kind == "f" else f"{image.bits} bits a channel"
    return f"{kind}, values {image.pixels.min():g} … {image.pixels.max():g}"
