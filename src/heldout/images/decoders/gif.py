"""GIF pictures."""

from __future__ import annotations

from typing import ClassVar

from heldout.images.decoded import Decoded
from heldout.images.decoders._pillow import decode_picture, open_picture
from heldout.images.decoders.decoder import Decoder
from heldout.images.opened import ImageFile


class Gif(Decoder):
    """Grey and palette, one frame; of an animation, the frame that `row` names. Transparency is refused."""

    name: ClassVar[str] = "gif"
    title: ClassVar[str] = "GIF"
    suffixes: ClassVar[tuple[str, ...]] = (".gif",)

    def takes(self, head: bytes) -> bool:
        """`GIF8`."""
        return head.startswith(b"GIF8")

    def count(self, file: ImageFile, member: str = "") -> int:
        """Frames."""
        with open_picture(file, ("GIF",)) as image:
            return int(getattr(image, "n_frames", 1))

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """The picture, or one frame."""
        with open_picture(file, ("GIF",)) as image:
            return decode_picture(file, image, row)


DECODER = Gif()
