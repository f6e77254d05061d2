"""Whole slides that only OpenSlide reads: MIRAX, Hamamatsu VMS and VMU, Ventana BIF."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from heldout.images.decoded import Decoded
from heldout.images.decoders._member import numbers_of
from heldout.images.decoders._pillow import choose_frame
from heldout.images.decoders.decoder import Decoder
from heldout.images.errors import ImageError
from heldout.images.memory import MOST_PIXELS, reserve
from heldout.images.opened import ImageFile
from heldout.optional import require

TILE = 256
"""Side of a tile where the slide has none of its own; what OpenSlide's Deep Zoom takes."""

WHITE = "FFFFFF"
"""What was not scanned shows this, where the slide names no colour for it: the light of a bright field."""

MICROMETRE = 1e-3
"""In millimetres."""

OPEN = 4
"""Slides that are kept open: opening one reads tables of all its tiles."""


class Slide(Decoder):
    """Tiles of a level, which `level 2` in a manifest's column `array` names, are rows; a small slide is read whole.

    What was not scanned shows the slide's background colour. Told by their endings, since they begin as JPEG, TIFF or
    text do, and lie in several files. SVS, NDPI, SCN and generic pyramids are read as TIFF, without OpenSlide.
    """

    name: ClassVar[str] = "slide"
    title: ClassVar[str] = "slides of MIRAX, Hamamatsu VMS, Ventana BIF"
    suffixes: ClassVar[tuple[str, ...]] = (".mrxs", ".vms", ".vmu", ".bif")
    extra: ClassVar[str] = "openslide"

    def takes(self, head: bytes) -> bool:
        """None: `claims` tells."""
        return False

    def claims(self, file: ImageFile) -> bool:
        """By its ending."""
        return file.path.suffix.lower() in self.suffixes

    def count(self, file: ImageFile, member: str = "") -> int:
        """Tiles of a level."""
        slide = self._open(file)
        level = _level(slide, member, file.where)
        return 1 if level is None else int(np.prod(_grid(slide, level)))

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """One tile, or the whole of a small slide."""
        slide = self._open(file)
        level = _level(slide, member, file.where)
        if level is None:
            return _read(slide, 0, (0, 0), _whole(slide, file.where), file.where)
        across, down = _grid(slide, level)
        number = choose_frame(file.where, across * down, row, "tiles")
        width, height = slide.level_dimensions[level]
        side = _tile(slide, level)
        left, top = number % across * side[0], number // across * side[1]
        size = min(side[0], width - left), min(side[1], height - top)
        return _read(slide, level, (left, top), size, file.where)

    def _open(self, file: ImageFile) -> Any:
        require("openslide", self.extra)
        return _opened(file.where, file.size, file.changed)


@lru_cache(OPEN)
def _opened(path: str, size: int, changed: int) -> Any:
    """The slide, as long as the file is what it was; reading from several threads is OpenSlide's own business."""
    return require("openslide", Slide.extra).OpenSlide(path)


def _level(slide: Any, member: str, where: str) -> int | None:
    """The level that is named; None where none is."""
    if not member:
        return None
    level = (numbers_of(member, ["level"]) or {}).get("level", -1)
    if not 0 <= level < slide.level_count:
        raise ImageError(
            where, f"no part '{member}'", f"level 0 to {slide.level_count - 1}", "Correct the column `array`."
        )
    return level


def _whole(slide: Any, where: str) -> tuple[int, int]:
    width, height = slide.dimensions
    if width * height > MOST_PIXELS:
        raise ImageError(
            where,
            f"a slide of {width} × {height} pixels",
            f"a picture of at most {MOST_PIXELS / 1e6:.0f} million pixels",
            f"Name a level in the column `array` of a manifest (`level 0` to `level {slide.level_count - 1}`) and a "
            f"tile of it in `row`.",
        )
    return width, height


def _tile(slide: Any, level: int) -> tuple[int, int]:
    """Width and height of the tiles of a level, as its file has them."""
    width, height = (slide.properties.get(f"openslide.level[{level}].tile-{side}") for side in ("width", "height"))
    return (int(width), int(height)) if width and height else (TILE, TILE)


def _grid(slide: Any, level: int) -> tuple[int, int]:
    """Tiles across and down."""
    (width, height), (across, down) = slide.level_dimensions[level], _tile(slide, level)
    return -(-width // across), -(-height // down)


def _read(slide: Any, level: int, corner: tuple[int, int], size: tuple[int, int], where: str) -> Decoded:
    """A part of a level; its corner and size in pixels of the level."""
    reserve(*size, 4, 1, where)
    scale = slide.level_downsamples[level]
    at_full_size = tuple(round(place * scale) for place in corner)
    pixels, notes = _on_background(np.asarray(slide.read_region(at_full_size, level, size)), slide)
    sides = [float(slide.properties.get(f"openslide.mpp-{axis}") or 0) * MICROMETRE * scale for axis in "yx"]
    return Decoded(pixels, 8, "rgb", spacing=(sides[0], sides[1]) if all(sides) else None, notes=notes)


def _on_background(pixels: npt.NDArray[np.uint8], slide: Any) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """(h, w, 3) of (h, w, 4) whose transparent pixels were not scanned."""
    seen = pixels[..., 3:].astype(np.float32) / 255
    if seen.min() == 1:
        return np.ascontiguousarray(pixels[..., :3]), ()
    colour = np.array(list(bytes.fromhex(slide.properties.get("openslide.background-color", WHITE))), dtype=np.float32)
    mixed = pixels[..., :3] * seen + colour * (1 - seen)
    return np.rint(mixed).astype(np.uint8), ("what was not scanned shows the slide's background colour",)


DECODER = Slide()
