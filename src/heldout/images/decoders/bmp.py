"""Windows bitmaps."""

from __future__ import annotations

from typing import ClassVar

from heldout.images.decoded import Decoded
from heldout.images.decoders._pillow import decode_picture, open_picture
from heldout.images.decoders.decoder import Decoder
from heldout.images.opened import ImageFile


class Bmp(Decoder):
    """Grey, palette and RGB. 16-bit bitmaps (5 or 6 bits a channel) are widened to 8."""

    name: ClassVar[str] = "bmp"
    title: ClassVar[str] = "BMP"
    suffixes: ClassVar[tuple[str, ...]] = (".bmp", ".dib")

    def takes(self, head: bytes) -> bool:
        """`BM`."""
        return head.startswith(b"BM")

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """The picture."""
        with open_picture(file, ("BMP",)) as image:
            return decode_picture(file, image, row)


DECODER = Bmp()
