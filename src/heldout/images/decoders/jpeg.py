"""JPEG pictures, and the pairs of them that phones write (MPO)."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import ClassVar

from PIL.JpegImagePlugin import JpegImageFile

from heldout.images.decoded import Decoded
from heldout.images.decoders._cmyk import to_rgb
from heldout.images.decoders._libjpeg import REMEDY, refuse_another_size
from heldout.images.decoders._pillow import EXPECTED, decode_picture, zero_size
from heldout.images.decoders.decoder import Decoder
from heldout.images.errors import ImageError
from heldout.images.memory import MOST_PIXELS, reserve
from heldout.images.opened import ImageFile

START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"

REDUCTIONS = (2, 4, 8)
"""Sizes at which libjpeg decodes by itself, from fewer coefficients of each block."""


class Jpeg(Decoder):
    """Grey, RGB, and CMYK with a colour profile. Of several pictures in one file (MPO) the primary one is read.

    A file that was cut off, or whose data do not fill its header's size, is refused. One of more pixels than can be
    held is read at a half, a quarter or an eighth of its size, as JPEG is made to be, and a note says so.
    """

    name: ClassVar[str] = "jpeg"
    title: ClassVar[str] = "JPEG"
    suffixes: ClassVar[tuple[str, ...]] = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")

    def takes(self, head: bytes) -> bool:
        """The marker SOI and the start of another; not JPEG-LS, whose frame has a mark of its own."""
        return head.startswith(b"\xff\xd8\xff") and not head.startswith(b"\xff\xd8\xff\xf7")

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """The picture, the primary one of several."""
        # Not through Image.open, which makes a list of pictures of an MPO, and refuses by size before reading reduced.
        with JpegImageFile(io.BytesIO(file.content)) as image:
            if 0 in image.size:
                raise zero_size(file.where, image.size)
            _refuse_cut(file)
            size = image.size
            _reduce(image)
            reserve(*image.size, channels=len(image.getbands()), item_bytes=1, where=file.where)
            if image.mode == "CMYK":
                decoded = to_rgb(file, image)
            else:
                decoded = decode_picture(file, image, row)
                refuse_another_size(file.content, file.where)
            if image.size == size:
                return decoded
            note = f"Read at 1/{size[0] // image.size[0]} of its size of {size[0]} × {size[1]} pixels."
            return replace(decoded, notes=(*decoded.notes, note))


def _reduce(image: JpegImageFile) -> None:
    """Have a picture of too many pixels decoded smaller; a progressive one is held whole all the same."""
    width, height = image.size
    if width * height <= MOST_PIXELS or image.info.get("progressive"):
        return
    by = next((n for n in REDUCTIONS if math.ceil(width / n) * math.ceil(height / n) <= MOST_PIXELS), None)
    if by is not None:
        image.draft(image.mode, (width // by, height // by))


def _refuse_cut(file: ImageFile) -> None:
    """Libjpeg fills what is missing with grey and only warns; a JPEG without its end marker was cut off."""
    start = file.content.rfind(START_OF_SCAN)  # start of the last scan; an embedded thumbnail stands before it
    if file.content.rfind(END_OF_IMAGE) < start:
        raise ImageError(file.where, "a truncated JPEG (its end marker is missing)", EXPECTED, REMEDY)


DECODER = Jpeg()
