"""LIF: what Leica's microscopes write."""

from __future__ import annotations

from typing import Any, ClassVar

from heldout.images.decoded import Decoded
from heldout.images.decoders._planes import Planes, channel_names, picture, scene_of
from heldout.images.decoders.decoder import Decoder
from heldout.images.opened import ImageFile
from heldout.optional import require

MARK = b"\x70\0\0\0"
TEXT = b"\x2a"
"""Ends the length of the first block; a test value, as the mark is (Leica, LIF format)."""

MILLIMETRES = 1000.0
"""In a metre, LIF's unit of length."""


class Lif(Decoder):
    """Grey channels and RGB; times, depths and mosaic tiles are rows. Of several images in a file, `scene 2` is one."""

    name: ClassVar[str] = "lif"
    title: ClassVar[str] = "LIF (Leica)"
    suffixes: ClassVar[tuple[str, ...]] = (".lif",)
    extra: ClassVar[str] = "lif"
    depths: ClassVar[str] = "8 to 32 bits, floating point, any channels"

    def takes(self, head: bytes) -> bool:
        """The mark of a block and, after its length, that of text."""
        return head.startswith(MARK) and head[8:9] == TEXT

    def count(self, file: ImageFile, member: str = "") -> int:
        """Number of pictures of one scene."""
        with require("liffile", self.extra).LifFile(str(file.path)) as opened:
            return _planes(_scene(opened, member, file)).count

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """One picture."""
        with require("liffile", self.extra).LifFile(str(file.path)) as opened:
            scene = _scene(opened, member, file)
            several = "C" in scene.sizes

            def read(at: dict[str, int], channel: int) -> Any:
                return scene.frame(**at, **({"C": channel} if several else {}))

            return picture(file.where, _planes(scene), row, read)


def _scene(opened: Any, member: str, file: ImageFile) -> Any:
    scene = opened.images[scene_of(member, len(opened.images), file.where)]
    end = scene.memory_block.offset + scene.memory_block.size
    if end > file.size:
        raise ValueError(f"{file.size} bytes, {end} by its header")
    return scene


def _planes(scene: Any) -> Planes:
    sizes = {axis: int(size) for axis, size in scene.sizes.items()}
    number = sizes.get("C", 1)
    sides = [_step(scene, axis) for axis in "YX"]
    return Planes(
        outer={axis: size for axis, size in sizes.items() if axis not in "CYXS"},
        channels=channel_names((), number),
        height=sizes["Y"],
        width=sizes["X"],
        samples=sizes.get("S", 1),
        item_bytes=int(scene.dtype.itemsize),
        spacing=(sides[0], sides[1]) if all(side > 0 for side in sides) else None,
    )


def _step(scene: Any, axis: str) -> float:
    """Millimetres between the first two places of an axis; 0 where it has no places."""
    places = scene.coords.get(axis)
    return float(places[1] - places[0]) * MILLIMETRES if places is not None and len(places) > 1 else 0.0


DECODER = Lif()
