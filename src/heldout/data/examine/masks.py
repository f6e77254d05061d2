"""Masks that lie among images: told apart by their names and by their grey levels, and left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from heldout.data.entries import Entry, some
from heldout.images import ImageError, decode

WORDS = r"masks?|seg(?:mentation)?s?|annotations?|ground[ _-]?truth|gt|labels?|contours?|roi"

SUFFIX = re.compile(rf"(?<=.)[ _.-]+(?:{WORDS})(?:[ _.-]?\d+)?$", re.IGNORECASE)
"""End of the name of a mask: `benign (1)_mask`, `case7-segmentation`, `x_mask_1`."""

FOLDER = re.compile(rf"(?:{WORDS})", re.IGNORECASE)
"""A folder of masks."""

MOST_LEVELS = 8
"""A map of labels has few grey levels; no photograph has as few."""

BETWEEN = 0.05
"""JPEG blurs the edges of a mask: at most this share of its pixels lie between black and white. Ours."""


@dataclass(frozen=True)
class Masks:
    """What was found among images.

    Attributes:
        entries: The images that are no masks.
        notes: What was left out; and what is called a mask and is none.
    """

    entries: list[Entry]
    notes: tuple[str, ...] = ()


def without_masks(entries: Sequence[Entry], root: Path) -> Masks:
    """Leave out the images that are masks of others.

    A mask is called as another image of its folder with `_mask` (or its like) behind it, or lies in a folder that is
    called `masks`; and it has few grey levels, or next to none between its darkest and its brightest.

    Args:
        entries: The images.
        root: Folder that their sources are relative to.
    """
    called = {row for row, entry in enumerate(entries) if _is_called(entry)}
    if not called:
        return Masks(list(entries))
    stems = {entry.source.rpartition(".")[0] for entry in entries}
    called = {row for row in called if _in_folder(entries[row]) or _bare(entries[row].source) in stems}
    masks = {row for row in called if _is_mask(root / entries[row].source)}
    notes = []
    if masks:
        example = entries[min(masks)].source
        notes.append(
            f"{len(masks):,} masks were left out, by their names and their few grey levels (for example {example})."
        )
    if called - masks:
        names = [entries[row].source for row in sorted(called - masks)]
        notes.append(
            f"{len(names):,} images are called masks but have the grey levels of pictures, and are used "
            f"({some(names)}): leave them out with --ignore if they are drawn over others."
        )
    return Masks([entry for row, entry in enumerate(entries) if row not in masks], tuple(notes))


def _is_called(entry: Entry) -> bool:
    return entry.row < 0 and not entry.member and (_bare(entry.source) != "" or _in_folder(entry))


def _bare(source: str) -> str:
    """The path without ending and mark of a mask; empty without such a mark."""
    folder, slash, name = source.rpartition("/")
    stem = name.rpartition(".")[0]
    bare = SUFFIX.sub("", stem)
    return f"{folder}{slash}{bare}" if bare != stem else ""


def _in_folder(entry: Entry) -> bool:
    return any(FOLDER.fullmatch(part) for part in entry.source.split("/")[:-1])


def _is_mask(path: Path) -> bool:
    try:
        return has_levels_of_a_mask(decode(path).pixels)
    except ImageError:
        return False


def has_levels_of_a_mask(pixels: npt.NDArray[Any]) -> bool:
    """Whether an image (h, w[, k]) has few grey levels or colours, or next to none between darkest and brightest."""
    if pixels.ndim == 3:
        if (pixels != pixels[..., :1]).any():
            return len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) <= MOST_LEVELS
        pixels = pixels[..., 0]
    levels = np.unique(pixels)
    if len(levels) <= MOST_LEVELS:
        return True
    low, high = float(levels[0]), float(levels[-1])
    margin = (high - low) / 8
    return float(((pixels > low + margin) & (pixels < high - margin)).mean()) <= BETWEEN
