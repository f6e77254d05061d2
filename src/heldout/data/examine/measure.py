"""Every image read once: its size, depth and content hash, or why it cannot be read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heldout.data.entries import Entry
from heldout.data.examine.remembered import Known, Memory, now
from heldout.data.examine.thumbnails import Thumbnails
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
    release_arrays,
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

Keep = Callable[[tuple[str, str, int], Decoded], None]
"""Is given every image that is decoded, with its source, member and row, by several threads at once."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)  # there may be a million
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
        told: What its file says beside the pixels: patient (a hash), site, device.
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
    told: Mapping[str, str] = field(default_factory=dict)


def measure(
    entries: Sequence[Entry], root: Path, reporter: Reporter, verify: bool = False, keep: Keep | None = None
) -> tuple[list[MeasuredImage], list[Problem], list[Problem]]:
    """Read every image, but for those of files that an earlier command read and that have not changed since.

    Args:
        entries: The images.
        root: Folder that their sources are relative to.
        reporter: Is told of every image.
        verify: Whether all files are read, remembered or not.
        keep: Is given every image that is decoded.

    Returns:
        The images that can be read, in order; problems of whole arrays, which no single image mends; and problems of
        single images, whose `source` is set.
    """
    thumbnails = Thumbnails(len(entries))
    memory, read_at = Memory.of(root, verify, thumbnails), now()
    remembered = [_remembered(entry, memory) for entry in entries]
    asked = [entry for entry, image in zip(entries, remembered, strict=True) if image is None]
    broken = _broken_arrays(asked, root)
    found: list[Sequence[MeasuredImage | Problem]] = [[] if image is None else [image] for image in remembered]
    unread = [
        number
        for number, entry in enumerate(entries)
        if remembered[number] is None and (entry.source, entry.member) not in broken
    ]
    threads = min(MAX_THREADS, (os.cpu_count() or 1) + 2)
    if unread:
        reporter.begin("Reading images", len(unread))
        with quietly(), ThreadPoolExecutor(threads) as pool:
            for start in range(0, len(unread), BATCH):
                some = unread[start : start + BATCH]
                for number, results in zip(
                    some, pool.map(lambda number: _measure_file(entries[number], root, keep), some), strict=True
                ):
                    results = [_kept(result, thumbnails) for result in results]
                    found[number] = results
                    _remember(entries[number], results, memory, read_at)
                    reporter.step()
                release_arrays()
        reporter.end()
    close_arrays()
    memory.save()
    every = [result for results in found for result in results]
    measured = [image for image in every if isinstance(image, MeasuredImage)]
    return measured, list(broken.values()), [problem for problem in every if isinstance(problem, Problem)]


def _kept(result: MeasuredImage | Problem, thumbnails: Thumbnails) -> MeasuredImage | Problem:
    """The same with its thumbnail where it does not stand in the way."""
    return replace(result, small=thumbnails.keep(result.small)) if isinstance(result, MeasuredImage) else result


def _remembered(entry: Entry, memory: Memory) -> MeasuredImage | None:
    """What an earlier command measured; None where the file has to be read."""
    known = memory.find(entry)
    if known is None:
        return None
    try:
        about = json.loads(known.measured)
        values, said = about.pop("values"), about.pop("told")
        values, notes = Values(**{**values, "names": tuple(values["names"])}), tuple(about.pop("notes"))
        own = told_by_file(entry, said)
        return MeasuredImage(own, small=known.small, values=values, notes=notes, told=said, **about)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _remember(entry: Entry, results: Sequence[MeasuredImage | Problem], memory: Memory, read_at: int) -> None:
    """Keep what was measured of a file that holds one image, with what it says of it."""
    if len(results) != 1 or not isinstance(results[0], MeasuredImage):
        return
    image = results[0]
    if image.entry != told_by_file(entry, image.told):
        return
    about = {name: getattr(image, name) for name in ("content", "width", "height", "channels", "bits", "notes")}
    about["told"] = dict(image.told)
    about["values"] = asdict(image.values)
    memory.keep(entry, Known(json.dumps(about), image.small), read_at)


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


def _measure_file(entry: Entry, root: Path, keep: Keep | None) -> list[MeasuredImage | Problem]:
    """The image; every frame or slice, where a file holds several that are images of their own."""
    try:
        return [_measure_one(entry, root, keep)]
    except SeveralImagesError as error:
        if not error.alike or entry.row >= 0:
            return [_or_left_out(error.problem(entry.shown, source=entry.place))]
        last = _measure_one(replace(entry, row=error.count - 1), root, keep)
        if isinstance(last, Problem):  # cut off, or a number of frames that is none: one problem, not one a frame
            return [replace(last, where=entry.shown, found=f"{error.found}, of which {last.found}", source=entry.place)]
        return [*(_measure_one(replace(entry, row=row), root, keep) for row in range(error.count - 1)), last]


def _measure_one(entry: Entry, root: Path, keep: Keep | None) -> MeasuredImage | Problem:
    with one_image():
        try:
            decoded = decode(root / entry.source, entry.member, entry.row)
        except SeveralImagesError:
            raise
        except ImageError as error:
            return _or_left_out(error.problem(entry.shown, source=entry.place))
        image = replace(measured_image(told_by_file(entry, decoded.about), decoded), told=dict(decoded.about))
        if keep is not None:
            keep((entry.source, entry.member, entry.row), decoded)
        return image


def _or_left_out(problem: Problem) -> Problem:
    """The problem of one image, without which a data set can be read as well."""
    return replace(problem, remedy=f"{problem.remedy} Or leave it out with --skip-unreadable.")


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
        entry, content_hash(pixels, decoded.window), width, height, channels, decoded.bits, small, values, decoded.notes
    )
