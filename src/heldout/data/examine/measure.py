"""Every image read once: its size, depth and content hash, or why it cannot be read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heldout.data.entries import Entry
from heldout.errors import Problem
from heldout.images import (
    Decoded,
    ImageError,
    SeveralImagesError,
    check_pixels,
    close_arrays,
    content_hash,
    decode,
    open_array,
    quietly,
)
from heldout.images.copies import small_grey
from heldout.images.levels import preview
from heldout.images.memory import one_image
from heldout.images.reading import ARRAY_SUFFIXES
from heldout.progress import Reporter

MAX_THREADS = 8
"""Decoding leaves the interpreter's lock; beyond this many threads a disk gains nothing."""

BATCH = 4096
"""Images handed to the threads at a time: one that waits takes more memory than what is kept of it."""


@dataclass(frozen=True)
class Values:
    """The values of an image's pixels.

    Attributes:
        low: Smallest.
        high: Largest.
        deep: Whether they are more than 8 bits can hold, or signed.
        real: Whether they are floating-point numbers without an end.
        window: Whether the file names the window that it is to be shown with.
        eight_bit: Whether the image is 8-bit grey or RGB, which needs no policy.
        names: Names of the channels, where they are known.
    """

    low: float
    high: float
    deep: bool = False
    real: bool = False
    window: bool = False
    eight_bit: bool = True
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeasuredImage:
    """An image as it was found to be.

    Attributes:
        entry: The image.
        content: Content hash.
        width: Pixels.
        height: Pixels.
        channels: 1 grey, 3 colour, or their number.
        bits: Bits a channel in the file.
        small: (64, 64) grey thumbnail, among which changed copies are looked for.
        values: What values its pixels have, and what is known of their meaning.
        notes: What a person should know of it: inverted, text burnt in.
    """

    entry: Entry
    content: str
    width: int
    height: int
    channels: int
    bits: int
    small: NDArray[np.uint8]
    values: Values
    notes: tuple[str, ...] = ()


def measure(
    entries: Sequence[Entry], root: Path, reporter: Reporter
) -> tuple[list[MeasuredImage], list[Problem], list[Problem]]:
    """Read every image.

    Args:
        entries: The images.
        root: Folder that their sources are relative to.
        reporter: Is told of every image.

    Returns:
        The images that can be read, in order; problems of whole arrays, which no single image mends; and problems of
        single images, whose `source` is set.
    """
    broken = _broken_arrays(entries, root)
    readable = [entry for entry in entries if (entry.source, entry.member) not in broken]
    measured: list[MeasuredImage] = []
    single: list[Problem] = []
    threads = min(MAX_THREADS, (os.cpu_count() or 1) + 2)
    reporter.begin("Reading images", len(readable))
    with quietly(), ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(readable), BATCH):
            for result in pool.map(lambda entry: _measure_file(entry, root), readable[start : start + BATCH]):
                measured += [image for image in result if isinstance(image, MeasuredImage)]
                single += [problem for problem in result if isinstance(problem, Problem)]
                reporter.step()
    reporter.end()
    close_arrays()
    return measured, list(broken.values()), single


def _broken_arrays(entries: Sequence[Entry], root: Path) -> dict[tuple[str, str], Problem]:
    """Arrays that cannot hold images, each said once and not once a row."""
    rows = [entry for entry in entries if entry.row >= 0 and Path(entry.source).suffix.lower() in ARRAY_SUFFIXES]
    first = {(entry.source, entry.member): entry for entry in reversed(rows)}
    broken = {}
    for (source, member), entry in first.items():
        where = f"{source} [{member}]" if member else source
        try:
            check_pixels(open_array(root / source, member), where, any_depth=True)
        except ImageError as error:
            broken[source, member] = error.problem(f"{entry.where} ({where})" if entry.where else where)
    return broken


def _measure_file(entry: Entry, root: Path) -> list[MeasuredImage | Problem]:
    """The image; every frame or slice, where a file holds several that are images of their own."""
    try:
        return [_measure_one(entry, root)]
    except SeveralImagesError as error:
        if not error.alike or entry.row >= 0:
            return [error.problem(entry.shown, source=entry.place)]
        last = _measure_one(replace(entry, row=error.count - 1), root)
        if isinstance(last, Problem):  # cut off, or a number of frames that is none: one problem, not one a frame
            return [replace(last, where=entry.shown, found=f"{error.found}, of which {last.found}", source=entry.place)]
        return [*(_measure_one(replace(entry, row=row), root) for row in range(error.count - 1)), last]


def _measure_one(entry: Entry, root: Path) -> MeasuredImage | Problem:
    with one_image():
        try:
            decoded = decode(root / entry.source, entry.member, entry.row)
        except SeveralImagesError:
            raise
        except ImageError as error:
            return error.problem(entry.shown, source=entry.place)
        return measured_image(told_by_file(entry, decoded.about), decoded)


def told_by_file(entry: Entry, about: Mapping[str, str]) -> Entry:
    """The image with what its file says of it, where the source does not say otherwise.

    Frames of a file that names no patient belong together by their file: they are alike, whoever is shown.
    """
    array = Path(entry.source).suffix.lower() in ARRAY_SUFFIXES
    together = entry.source if entry.row >= 0 and not array else ""
    if not about and not together:
        return entry
    further = {name: value for name, value in about.items() if name not in ("patient", "site")}
    return replace(
        entry,
        patient=entry.patient or about.get("patient", together),
        site=entry.site or about.get("site", ""),
        extra={**further, **entry.extra} if further else entry.extra,
    )


def measured_image(entry: Entry, decoded: Decoded) -> MeasuredImage:
    """What is kept of an image that was read."""
    pixels = decoded.pixels
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    values = Values(
        low=float(pixels.min()),
        high=float(pixels.max()),
        deep=pixels.dtype != np.uint8,
        real=pixels.dtype.kind == "f" and decoded.span is None,
        window=decoded.window is not None,
        eight_bit=decoded.eight_bit,
        names=decoded.channel_names,
    )
    small = small_grey(preview(decoded))
    return MeasuredImage(
        entry, content_hash(pixels), width, height, channels, decoded.bits, small, values, decoded.notes
    )
