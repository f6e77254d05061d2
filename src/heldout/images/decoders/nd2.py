"""ND2: what Nikon's microscopes write."""

from __future__ import annotations

from typing import Any, ClassVar

from heldout.images.decoded import Decoded
from heldout.images.decoders._planes import MICROMETRE, Planes, channel_names, picture
from heldout.images.decoders.decoder import Decoder
from heldout.images.opened import ImageFile
from heldout.optional import require

MARK = b"\xda\xce\xbe\x0a"
"""First bytes of a chunk, and of the file."""


class Nd2(Decoder):
    """Grey channels and RGB; positions, times and depths are rows, in the order of the file."""

    name: ClassVar[str] = "nd2"
    title: ClassVar[str] = "ND2 (Nikon)"
    suffixes: ClassVar[tuple[str, ...]] = (".nd2",)
    extra: ClassVar[str] = "nd2"
    depths: ClassVar[str] = "8 to 32 bits, floating point, any channels"

    def takes(self, head: bytes) -> bool:
        """The mark of a chunk."""
        return head.startswith(MARK)

    def count(self, file: ImageFile, member: str = "") -> int:
        """Number of pictures, over positions, times and depths."""
        with require("nd2", self.extra).ND2File(file.path) as opened:
            return _planes(opened).count

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """One picture."""
        with require("nd2", self.extra).ND2File(file.path) as opened:
            planes = _planes(opened)
            frame: Any = opened.read_frame(max(row, 0)) if row < planes.count else None

            def read(at: dict[str, int], channel: int) -> Any:
                return frame[channel] if len(planes.channels) > 1 else frame

            return picture(file.where, planes, row, read)


def _planes(opened: Any) -> Planes:
    sizes = dict(opened.sizes)
    number = sizes.get("C", 1)
    described = [getattr(one, "channel", None) for one in getattr(opened.metadata, "channels", None) or ()]
    names = tuple(str(getattr(one, "name", "") or "") for one in described)
    voxel = opened.voxel_size()
    return Planes(
        outer={axis: size for axis, size in sizes.items() if axis not in "CYXS"},
        channels=channel_names(names, number),
        height=int(sizes["Y"]),
        width=int(sizes["X"]),
        samples=int(sizes.get("S", 1)),
        item_bytes=int(opened.dtype.itemsize),
        spacing=(voxel.y * MICROMETRE, voxel.x * MICROMETRE) if voxel and voxel.x > 0 and voxel.y > 0 else None,
        bits=int(opened.attributes.bitsPerComponentSignificant or 0),
    )


DECODER = Nd2()
