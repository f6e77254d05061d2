"""Whether images need an intensity policy or a choice of channels, and which would fit: said once, for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from heldout.data.examine.checks import PART_WORDS
from heldout.data.examine.measure import MeasuredImage
from heldout.errors import Problem
from heldout.images.channels import FORMS as CHANNEL_FORMS
from heldout.images.channels import RGB, parse_channels
from heldout.images.intensity import (
    FORMS,
    USUAL,
    DicomWindow,
    FullRange,
    Percentile,
    PerImage,
    Policy,
    Window,
    parse_intensity,
)
from heldout.records import PARTS

BYTE = 255
"""The largest value of 8 bits."""

LITTLE = 0.25
"""Share of the full range below which its use is told: 12 bits kept in 14."""


def depth_problems(images: Sequence[MeasuredImage], intensity: str = "", channels: str = "") -> list[Problem]:
    """What stands in the way of images of more than 8 bits, or of channels that are no colours.

    Args:
        images: All that could be read.
        intensity: The policy, empty for none.
        channels: The choice of channels, empty for none.

    Raises:
        UsageError: The policy, or the choice, is none.
    """
    problems = _mixed(images, intensity) if intensity else _undecided(images)
    return problems + (_cannot_choose(images, channels) if channels else _several(images))


def _undecided(images: Sequence[MeasuredImage]) -> list[Problem]:
    """More than 8 bits and no policy."""
    deep = [image for image in images if _deep(image)]
    if not deep:
        return []
    return [
        Problem(
            f"{len(deep):,} of {len(images):,} images, first {deep[0].entry.shown}",
            f"{bits_of(deep)} a channel, values {range_of(deep)}",
            f"8-bit images, or an intensity policy: {', '.join(FORMS.values())}",
            f"Try --intensity {proposed(images)} (in Python: intensity='{proposed(images)}'), and look at the result: "
            "heldout inspect … --contact-sheet FILE.png.",
        )
    ]


def policy_notes(images: Sequence[MeasuredImage], intensity: str) -> list[str]:
    """What a policy costs on these images, where it costs something."""
    if not intensity or not images:
        return []
    policy = parse_intensity(intensity)
    return [*_cost(images, policy), *_depths_of_parts(images, policy)]


def _cost(images: Sequence[MeasuredImage], policy: Policy) -> list[str]:
    if isinstance(policy, PerImage):
        return [
            "Each image is scaled by itself (per-image): how bright one is against another is lost, and what that "
            "tells of the class with it."
        ]
    if isinstance(policy, DicomWindow):
        return [
            "Each image is shown by the window that its own file names (dicom-window): where devices choose windows "
            "differently, images of one device look different from those of another."
        ]
    widest = 2.0 ** max(image.bits for image in images)
    used = max(i.values.high for i in images) - min(i.values.low for i in images)
    if isinstance(policy, FullRange) and all(map(_deep, images)) and used < LITTLE * widest:
        return [
            f"The values fill {100 * used / widest:.1f} % of their full range: the network sees nearly one grey level. "
            f"--intensity {Percentile(*USUAL).text} brings them out."
        ]
    return []


def _depths_of_parts(images: Sequence[MeasuredImage], policy: Policy) -> list[str]:
    """How many images of which depth each part has, where some have 8 bits and others more."""
    deep = [image for image in images if _deep(image)]
    full = isinstance(policy, FullRange)
    if not 0 < len(deep) < len(images) or not (full or isinstance(policy, PerImage)) or (full and _little_filled(deep)):
        return []  # none, or a problem
    told = []
    for part in ("", *PARTS):
        here = [image for image in images if image.entry.split == part]
        kinds = Counter(bits_of([image]) for image in here)
        words = " and ".join(f"{number:,} of {bits}" for bits, number in sorted(kinds.items()))
        told += [f"{PART_WORDS.get(part, 'all')}: {words}"] * bool(here)
    only = f" {policy.text} is right for both only if they fill their ranges alike." if full else ""
    return [
        f"Images of 8 bits stand beside deeper ones ({'; '.join(told)}).{only} Where the depth differs between parts "
        "or classes, compare them: heldout inspect … --contact-sheet FILE.png."
    ]


def _little_filled(deep: Sequence[MeasuredImage]) -> bool:
    """Whether deep images of some number of bits use little of it, so that 8-bit ones beside them are far brighter."""
    for bits in {image.bits for image in deep}:
        alike = [image for image in deep if image.bits == bits]
        if max(i.values.high for i in alike) - min(i.values.low for i in alike) < LITTLE * 2.0**bits:
            return True
    return False


def _for_both(deep: Sequence[MeasuredImage]) -> list[str]:
    """Policies that show 8-bit images and these deep ones alike."""
    whole = not any(image.values.real for image in deep) and not _little_filled(deep)
    return [FullRange.name, PerImage.name] if whole else [PerImage.name]


def proposed(images: Sequence[MeasuredImage]) -> str:
    """The policy that fits best by what is known of the images."""
    deep = [image for image in images if _deep(image)]
    if len(deep) < len(images):
        return _for_both(deep)[0]
    if all(image.values.window for image in images):
        return DicomWindow.name
    low, high = min(image.values.low for image in images), max(image.values.high for image in images)
    if low >= 0 and high <= 1 and any(image.values.real for image in images):
        return Window(0, 1).text
    if low >= 0 and high <= BYTE and not any(image.values.real for image in images):
        return Window(0, BYTE).text
    return Percentile(*USUAL).text


def _mixed(images: Sequence[MeasuredImage], intensity: str) -> list[Problem]:
    """Images of 8 bits beside deeper ones under one range for all, and images without the window that is asked for."""
    policy = parse_intensity(intensity)
    found = []
    deep = [image for image in images if _deep(image)]
    if isinstance(policy, (Window, Percentile)) and 0 < len(deep) < len(images):
        place = next(image for image in images if not _deep(image))
        remedy = f"Save them alike, or take --intensity {' or '.join(_for_both(deep))}."
        found.append(
            Problem(
                f"{len(images) - len(deep):,} of {len(images):,} images, first {place.entry.shown}",
                f"8 bits, beside images of {bits_of(deep)} with values {range_of(deep)}",
                f"one scale of values, since {policy.text} has one range for all",
                remedy,
            )
        )
    whole = [image for image in deep if not image.values.real]
    if isinstance(policy, FullRange) and 0 < len(deep) < len(images) and _little_filled(whole):
        place = next(image for image in images if not _deep(image))
        found.append(
            Problem(
                f"{len(images) - len(deep):,} of {len(images):,} images, first {place.entry.shown}",
                f"8 bits, beside images of {bits_of(whole)} whose values {range_of(whole)} fill little of that range",
                "images that fill the range of their bits alike, since full-range would show deeper ones far darker",
                f"Save them alike, or take --intensity {PerImage.name}.",
            )
        )
    if isinstance(policy, DicomWindow) and (without := [image for image in images if not image.values.window]):
        found.append(
            Problem(
                f"{len(without):,} of {len(images):,} images, first {without[0].entry.shown}",
                "no window in the file",
                "a window in every file, since the policy is dicom-window",
                f"Try --intensity {Percentile(*USUAL).text}, or window:LO,HI with the values to be shown.",
            )
        )
    if isinstance(policy, FullRange) and (real := [image for image in images if image.values.real]):
        found.append(
            Problem(
                f"{len(real):,} of {len(images):,} images, first {real[0].entry.shown}",
                f"floating-point values {range_of(real)}",
                "whole numbers, since floating-point values have no full range",
                f"Try --intensity {Percentile(*USUAL).text}, or window:LO,HI with the values to be shown.",
            )
        )
    return found


def _several(images: Sequence[MeasuredImage]) -> list[Problem]:
    """Channels that are no colours, and no choice."""
    strange = [image for image in images if image.channels not in (1, 3)]
    if not strange:
        return []
    kinds = sorted({image.channels for image in strange})
    names = ", ".join(strange[0].values.names)
    return [
        Problem(
            f"{len(strange):,} of {len(images):,} images, first {strange[0].entry.shown}",
            f"{' or '.join(map(str, kinds))} channels{f' ({names})' if names else ''}",
            f"grey or RGB, or a choice of channels: {', '.join(CHANNEL_FORMS)}",
            "Choose with --channels (in Python: channels=): select keeps those that matter, project mixes all into "
            "three, adapt gives all to the network.",
        )
    ]


def _cannot_choose(images: Sequence[MeasuredImage], channels: str) -> list[Problem]:
    """Images of different numbers of channels, or without the channel that is asked for."""
    choice = parse_channels(channels)
    kinds = sorted({image.channels for image in images})
    if len(kinds) > 1 and kinds != [1, 3]:
        found = " and ".join(f"{sum(i.channels == k for i in images):,} images of {k} channels" for k in kinds)
        remedy = "Save them alike, or leave one kind out."
        return [Problem("the images", found, f"one number of channels, for --channels {channels}", remedy)]
    if choice.kind == "select" and images:
        choice.numbers(kinds[-1], channel_names(images))
    return []


def channel_names(images: Sequence[MeasuredImage]) -> tuple[str, ...]:
    """Names of the channels: as files name them, or those of colours."""
    if not images:
        return ()
    widest = max(images, key=lambda image: image.channels)
    return widest.values.names or (RGB if widest.channels == len(RGB) else ())


def bits_of(images: Sequence[MeasuredImage]) -> str:
    """`12 or 16 bits`, `32 bits (floating point)`."""
    kinds = sorted({(image.bits, image.values.real) for image in images})
    return " or ".join(f"{bits} bits{' (floating point)' if real else ''}" for bits, real in kinds)


def range_of(images: Sequence[MeasuredImage]) -> str:
    """`12 … 4013`."""
    return f"{min(i.values.low for i in images):g} … {max(i.values.high for i in images):g}"


def _deep(image: MeasuredImage) -> bool:
    """Whether its values are no 8-bit ones."""
    return image.values.deep
