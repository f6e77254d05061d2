"""JPEG pictures, and the pairs of them that phones write (MPO)."""

from __future__ import annotations

from typing import ClassVar

from PIL import Image

from heldout.images.decoded import Decoded
from heldout.images.decoders._pillow import EXPECTED, decode_picture, open_picture
from heldout.images.decoders.decoder import Decoder
from heldout.images.errors import ImageError
from heldout.images.opened import ImageFile

START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"


class Jpeg(Decoder):
    """Grey and RGB. Of several pictures in one file (MPO) the primary one is read; previews and depth maps are not.

    A file that was cut off, or whose header has another height than its data, is refused.
    """

    name: ClassVar[str] = "jpeg"
    title: ClassVar[str] = "JPEG"
    suffixes: ClassVar[tuple[str, ...]] = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")

    def takes(self, head: bytes) -> bool:
        """The marker SOI and the start of another."""
        return head.startswith(b"\xff\xd8\xff")

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """The picture, the primary one of several."""
        with open_picture(file, ("JPEG",)) as image:  # without MPO, Pillow sees the primary picture only
            _refuse_cut(file, image)
            return decode_picture(file, image, row)


def _refuse_cut(file: ImageFile, image: Image.Image) -> None:
    """Libjpeg fills what is missing with grey and only warns; a JPEG without its end marker was cut off."""
    start = file.content.rfind(START_OF_SCAN)  # start of the last scan; an embedded thumbnail stands before it
    if file.content.rfind(END_OF_IMAGE) < start:
        raise ImageError(
            file.where,
            "a truncated JPEG (its end marker is missing)",
            EXPECTED,
            "Copy the file again from its origin, or leave it out with --skip-unreadable.",
        )


DECODER = Jpeg()
