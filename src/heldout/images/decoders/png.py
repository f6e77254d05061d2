"""PNG pictures."""

from __future__ import annotations

import struct
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from heldout.images.decoded import Decoded
from heldout.images.decoders._pillow import (
    EXIF_ORIENTATION,
    EXPECTED,
    decode_picture,
    is_deep,
    open_picture,
    turned,
    without_alpha,
    zero_size,
)
from heldout.images.decoders.decoder import Decoder
from heldout.images.errors import ImageError
from heldout.images.memory import refuse_too_large
from heldout.images.opened import ImageFile

SIGNATURE = b"\x89PNG\r\n\x1a\n"

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type of the header -> values a pixel (PNG specification, table 11.1)."""

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row and their steps in each pass of an interlaced image (PNG specification, 8.2)."""


class Png(Decoder):
    """Grey, palette and RGB of 1 to 16 bits, with opaque alpha. Transparency is refused."""

    name: ClassVar[str] = "png"
    title: ClassVar[str] = "PNG"
    suffixes: ClassVar[tuple[str, ...]] = (".png",)
    depths: ClassVar[str] = "1, 2, 4, 8, 16 bits"

    def takes(self, head: bytes) -> bool:
        """The signature of PNG."""
        return head.startswith(SIGNATURE)

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """The picture."""
        if len(file.head) >= 24:
            width, height = struct.unpack(">II", file.head[16:24])
            if not width or not height:
                raise zero_size(file.where, (width, height))
            refuse_too_large(width, height, 1, 1, file.where)
        with open_picture(file, ("PNG",)) as image:
            _refuse_another_size(file)
            return _sixteen_bits(file, image) if is_deep(image) else decode_picture(file, image, row)


def _sixteen_bits(file: ImageFile, image: Image.Image) -> Decoded:
    """Through libpng, since Pillow cuts 16-bit colour to 8 bits without a word."""
    import imagecodecs

    pixels: npt.NDArray[Any] = imagecodecs.png_decode(file.content)
    if pixels.ndim == 3 and pixels.shape[-1] in (2, 4):
        pixels = without_alpha(pixels, file.where)
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
    image.load()  # an orientation may stand behind the pixels
    pixels = turned(pixels.astype(np.uint16), image.getexif().get(EXIF_ORIENTATION, 1))
    return Decoded(pixels, 16, "grey" if pixels.ndim == 2 else "rgb")


def _refuse_another_size(file: ImageFile) -> None:
    """A header of more or fewer rows than there are: Pillow leaves the rest black, or out, without a word."""
    import imagecodecs

    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", file.head[16:29])
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    said = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            said += rows * (1 + -(-columns * depth * CHANNELS[colour] // 8))
    try:
        held = len(imagecodecs.deflate_decode(_compressed(file.content), out=said))
    except imagecodecs.DeflateError:
        held = said + 1
    if held != said:
        raise ImageError(
            file.where,
            f"a header of {width} × {height} pixels over {'more' if held > said else 'fewer'} than that",
            EXPECTED,
            "The file is damaged or was altered: copy it again from its origin.",
        )


def _compressed(content: bytes) -> bytes:
    """The pixel data of a PNG: its chunks IDAT, joined."""
    parts, at = [], len(SIGNATURE)
    while at + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        if kind == b"IDAT":
            parts.append(content[at + 8 : at + 8 + length])
        at += 12 + length  # length, kind, data, checksum
    return b"".join(parts)


DECODER = Png()
