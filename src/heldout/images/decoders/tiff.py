"""TIFF."""

from __future__ import annotations

from typing import ClassVar

from heldout.images.decoded import Decoded
from heldout.images.decoders._pillow import EXPECTED, decode_picture, is_deep, open_picture, raw_mode
from heldout.images.decoders.decoder import Decoder
from heldout.images.errors import ImageError
from heldout.images.opened import ImageFile


class Tiff(Decoder):
    """Grey, palette and RGB of 8 bits."""

    name: ClassVar[str] = "tiff"
    title: ClassVar[str] = "TIFF"
    suffixes: ClassVar[tuple[str, ...]] = (".tif", ".tiff")

    def takes(self, head: bytes) -> bool:
        """The byte order and 42, or 43 for BigTIFF."""
        return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """The picture, or one page."""
        with open_picture(file, ("TIFF",)) as image:
            if is_deep(image) or raw_mode(image).startswith("RGBX"):
                raise ImageError(file.where, f"mode {image.mode}, {raw_mode(image)}", EXPECTED, "Not read yet.")
            return decode_picture(file, image, row)


DECODER = Tiff()
