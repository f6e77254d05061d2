"""TIFF through tifffile: any depth, channels and pages, by the words of OME and ImageJ where there are some."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from heldout.images.decoded import Decoded, Photometric
from heldout.images.decoders._heard import errors_raised
from heldout.images.decoders._member import numbers_of
from heldout.images.decoders._pillow import EXPECTED, choose_frame, turned, without_alpha, zero_size
from heldout.images.errors import ImageError
from heldout.images.faithful import faithful
from heldout.images.memory import MOST_PIXELS, reserve
from heldout.images.opened import ImageFile

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

Array = npt.NDArray[Any]

SMALL = 2**28
"""Bytes of a file that is worth trying from memory; larger ones are pyramids or stacks, read in parts."""

PICTURE = "YXS"
"""Axes within one picture: rows, columns, samples (red, green, blue)."""

ORIENTATION = 274

ALPHA_SAMPLES = (1, 2)
"""Extra samples that are opacity (TIFF 6.0, tag 338): associated, unassociated."""

MILLIMETRES = {"nm": 1e-6, "µm": 1e-3, "um": 1e-3, "micron": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1000.0}


def is_small(file: ImageFile) -> bool:
    """Whether a file is worth trying with Pillow, which reads it whole."""
    return file.size <= SMALL


def count(file: ImageFile, member: str) -> int:
    """Number of pictures: pages, planes, time points; tiles of a level."""
    import tifffile

    with errors_raised("tifffile"), tifffile.TiffFile(file.path) as tiff:
        part = _part(tiff, member, file.where)
        return math.prod(part.page.chunked) if part.tiles else part.pictures


def decode(file: ImageFile, member: str, row: int) -> Decoded:
    """One picture.

    Raises:
        ImageError: Several pictures and no row, another colour space, transparency, or values that are not taken.
        Exception: The file is damaged.
    """
    import tifffile

    with errors_raised("tifffile"), tifffile.TiffFile(file.path) as tiff:
        part = _part(tiff, member, file.where)
        stored = _tile(tiff, part.page, row, file.where) if part.tiles else _picture(part, row, file.where)
        page = part.page
        pixels, photometric = _meant(stored, page, file.where)
        orientation = int(page.tags.valueof(ORIENTATION, 1) or 1)
        about = _ome(tiff, part.number) if tiff.is_ome else _imagej(tiff) if tiff.is_imagej else Meaning()
        names = about.channels if photometric == "channels" and len(about.channels) == pixels.shape[-1] else ()
        return Decoded(
            turned(faithful(pixels, file.where), orientation),
            about.bits or _depth(int(np.max(page.bitspersample))),
            photometric,
            spacing=about.spacing if part.full else None,
            channel_names=names,
        )


def _depth(bits: int) -> int:
    """Bits to be told: 2 to 7 are widened to 8."""
    return 8 if 1 < bits < 8 else bits


@dataclass(frozen=True)
class Part:
    """What a member of a file means.

    Attributes:
        series: The pictures that belong together, at one level.
        number: Which series of the file.
        page: A page of it, which stands for all.
        tiles: Whether its tiles are the images.
        full: Whether it is at full size, which the file tells the spacing of.
    """

    series: TiffPageSeries
    number: int
    page: TiffPage
    tiles: bool
    full: bool

    @property
    def pictures(self) -> int:
        """How many pictures it holds; channels are one picture."""
        return math.prod(n for axis, n in zip(self.series.axes, self.series.shape, strict=True) if axis not in "YXSC")


def _part(tiff: TiffFile, member: str, where: str) -> Part:
    wanted = numbers_of(member, ["series", "level"])
    number, level = (-1, -1) if wanted is None else (wanted.get("series", 0), wanted.get("level", 0))
    every = tiff.series
    levels = every[number].levels if 0 <= number < len(every) else []
    if not 0 <= level < len(levels):
        there = ", ".join(f"series {n} with level 0 to {len(one.levels) - 1}" for n, one in enumerate(every[:5]))
        raise ImageError(where, f"no part '{member}'", f"one of: {there or 'none'}", "Correct the column `array`.")
    series = levels[level]
    page = series.keyframe
    return Part(series, number, page, bool(wanted and "level" in wanted) and bool(page.is_tiled), level == 0)


def _picture(part: Part, row: int, where: str) -> Array:
    """(h, w), (h, w, s) or (h, w, c) of one picture of a series."""
    series, page = part.series, part.page
    axes, shape = series.axes, series.shape
    if "Y" not in axes or "X" not in axes:
        raise ImageError(where, f"axes {axes} of shape {shape}", "rows and columns (Y, X)", "Save the images as pages.")
    height, width = shape[axes.index("Y")], shape[axes.index("X")]
    if height * width > MOST_PIXELS and len(series.levels) > 1:
        raise ImageError(
            where,
            f"a slide of {width} × {height} pixels",
            f"a picture of at most {MOST_PIXELS / 1e6:.0f} million pixels",
            f"Name a level in the column `array` of a manifest (`level 0` to `level {len(series.levels) - 1}`) and a "
            f"tile of it in `row`.",
        )
    if 0 in shape:
        raise zero_size(where, (width, height))
    chosen = choose_frame(where, part.pictures, row)
    channels = math.prod(n for axis, n in zip(axes, shape, strict=True) if axis in "SC")
    reserve(width, height, channels, series.dtype.itemsize, where)
    outer = [axis for axis in axes if axis not in "YXSC"]
    at = dict(zip(outer, np.unravel_index(chosen, [shape[axes.index(axis)] for axis in outer]), strict=True))
    picture = _read(series, page, at)
    kept = [axis for axis in axes if axis in "YXSC"]
    return np.ascontiguousarray(_channels_last(picture, kept))


def _read(series: TiffPageSeries, page: TiffPage, at: dict[str, Any]) -> Array:
    """One picture, its channels included, in the order of the series' axes; only its own pages are read."""
    axes, shape = series.axes, series.shape
    within = math.prod(page.shape)
    pages = len(series.pages)
    if (pages == 1 and math.prod(shape) != within) or pages * within != math.prod(shape):
        whole = series.asarray(maxworkers=1)  # ImageJ's hyperstacks are one page, whatever they hold
        return np.asarray(whole[tuple(at.get(axis, slice(None)) for axis in axes)])
    inner = len(axes)
    while inner and math.prod(shape[inner - 1 :]) <= within:
        inner -= 1
    outer = axes[:inner]
    index = np.arange(pages).reshape(shape[:inner])[tuple(at.get(axis, slice(None)) for axis in outer)]
    stack = np.stack(
        [np.asarray(series.asarray(key=int(number), maxworkers=1)).reshape(shape[inner:]) for number in index.ravel()]
    )
    result: Array = stack.reshape(*index.shape, *shape[inner:])
    rest = [axis for axis in axes if axis not in outer or axis not in at]
    return np.asarray(result[tuple(at.get(axis, slice(None)) for axis in rest)])


def _channels_last(picture: Array, axes: list[str]) -> Array:
    rows, columns = axes.index("Y"), axes.index("X")
    others = [place for place in range(len(axes)) if place not in (rows, columns)]
    moved = picture.transpose(rows, columns, *others)
    return moved.reshape(*moved.shape[:2], -1) if len(others) > 1 else moved


def _tile(tiff: TiffFile, page: TiffPage, row: int, where: str) -> Array:
    """One tile of a page, without what lies beyond the edge of the picture."""
    number = choose_frame(where, len(page.dataoffsets), row, "tiles")
    reserve(page.tilewidth, page.tilelength, page.samplesperpixel, page.dtype.itemsize, where)
    tiff.filehandle.seek(page.dataoffsets[number])
    data = tiff.filehandle.read(page.databytecounts[number])
    decoded, _, _ = page.decode(data, number, jpegtables=page.jpegtables)
    if decoded is None:
        raise ImageError(where, f"tile {number}, which is empty", "a tile with pixels", "Leave the line out.")
    down, across = divmod(number, -(-page.imagewidth // page.tilewidth))
    rows, columns = page.imagelength - down * page.tilelength, page.imagewidth - across * page.tilewidth
    tile: Array = np.asarray(decoded)[0][:rows, :columns]
    return tile[..., 0] if tile.shape[-1] == 1 else tile


def _meant(stored: Array, page: TiffPage, where: str) -> tuple[Array, Photometric]:
    """Pixels as grey, RGB or channels, by what the page says of its colours."""
    kind = page.photometric.name if hasattr(page.photometric, "name") else str(page.photometric)
    if kind == "PALETTE" and page.colormap is not None:
        colours = np.asarray(page.colormap)  # (3, 2^bits) of 16 bits, of which 8 are looked at, as Pillow does
        return (colours[:, stored] >> 8).astype(np.uint8).transpose(1, 2, 0), "rgb"
    if kind not in ("MINISBLACK", "MINISWHITE", "RGB", "YCBCR", "PALETTE"):
        raise ImageError(
            where,
            f"the colour space {kind}",
            EXPECTED,
            "Convert it to RGB with the colour profile of its camera or scanner, and save that.",
        )
    if kind == "YCBCR" and page.compression.name not in ("JPEG", "OJPEG", "APERIO_JP2000_YCBC", "APERIO_JP2000_RGB"):
        raise ImageError(where, "the colour space YCbCr, not compressed", EXPECTED, "Convert it to RGB, and save that.")
    if kind == "MINISWHITE":
        stored = _inverted(stored, int(np.max(page.bitspersample)))
    if stored.shape[-1] == 1 and stored.ndim == 3:
        stored = stored[..., 0]
    if stored.ndim == 2:
        return _eight_of_few(stored, int(np.max(page.bitspersample))), "grey"
    extra = tuple(page.extrasamples or ())
    colours_first = kind in ("RGB", "YCBCR")
    if colours_first and extra and len(extra) == 1 and extra[0] in ALPHA_SAMPLES and stored.shape[-1] == 4:
        stored = without_alpha(stored, where)
    return stored, "rgb" if colours_first and stored.shape[-1] == 3 else "channels"


def _eight_of_few(stored: Array, bits: int) -> Array:
    """Grey of 2 to 7 bits over the whole range of 8, as Pillow widens it in files of one page."""
    if stored.dtype != np.uint8 or not 1 < bits < 8:
        return stored
    return (stored.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8)


def _inverted(stored: Array, bits: int) -> Array:
    """White as the largest value: MINISWHITE has it as zero."""
    if stored.dtype == np.bool_:
        return ~stored
    if stored.dtype.kind != "u":
        return stored * -1
    return (np.array((1 << bits) - 1, dtype=stored.dtype) - stored).astype(stored.dtype)


@dataclass(frozen=True)
class Meaning:
    """What OME or ImageJ say beside the pixels."""

    spacing: tuple[float, float] | None = None
    channels: tuple[str, ...] = ()
    bits: int = 0


def _ome(tiff: TiffFile, number: int) -> Meaning:
    """Of OME's XML: size of a pixel, names of the channels, bits that are used."""
    try:
        root = ET.fromstring(tiff.ome_metadata or "")
    except ET.ParseError:
        return Meaning()
    images = [node for node in root.iter() if node.tag.endswith("}Pixels") or node.tag == "Pixels"]
    if number >= len(images):
        return Meaning()
    pixels = images[number]
    channels = [node for node in pixels if node.tag.endswith("Channel")]
    names = tuple(node.get("Name") or f"channel {place}" for place, node in enumerate(channels))
    sides = [
        _millimetres(pixels.get(f"PhysicalSize{axis}", ""), pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        for axis in "YX"
    ]
    spacing = (sides[0], sides[1]) if all(sides) else None
    return Meaning(spacing, names, int(pixels.get("SignificantBits", "0") or 0))


def _imagej(tiff: TiffFile) -> Meaning:
    about = tiff.imagej_metadata or {}
    unit = str(about.get("unit", "")).replace("\\u00B5", "µ")
    page = tiff.pages.first
    sides = []
    for tag in ("YResolution", "XResolution"):
        pixels, units = page.tags.valueof(tag, (0, 1)) or (0, 1)
        sides.append(_millimetres(str(units / pixels) if pixels else "", unit))
    return Meaning((sides[0], sides[1]) if all(sides) else None)


def _millimetres(text: str, unit: str) -> float:
    """A length in millimetres; 0 if it is not known."""
    try:
        value = float(text) * MILLIMETRES.get(unit, 0.0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0
