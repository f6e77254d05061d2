"""CZI: what Zeiss's microscopes write."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any, ClassVar

from heldout.images.decoded import Decoded
from heldout.images.decoders._planes import Planes, channel_names, picture, scene_of
from heldout.images.decoders.decoder import Decoder
from heldout.images.opened import ImageFile
from heldout.optional import require

MARK = b"ZISRAWFILE"

PIXELS = {"Gray8": (1, 1), "Gray16": (1, 2), "Gray32Float": (1, 4), "Bgr24": (3, 1), "Bgr48": (3, 2)}
"""Type of pixels, as the library calls it -> values a pixel and bytes a value."""

MILLIMETRES = 1000.0
"""In a metre, CZI's unit of length."""


class Czi(Decoder):
    """Grey channels and RGB; times, depths and further axes are rows. Tiles of a mosaic are put together.

    Of several scenes in a file, `scene 2` is one.
    """

    name: ClassVar[str] = "czi"
    title: ClassVar[str] = "CZI (Zeiss)"
    suffixes: ClassVar[tuple[str, ...]] = (".czi",)
    extra: ClassVar[str] = "czi"
    depths: ClassVar[str] = "8 and 16 bits, floating point, any channels"

    def takes(self, head: bytes) -> bool:
        """The name of the first segment."""
        return head.startswith(MARK)

    def count(self, file: ImageFile, member: str = "") -> int:
        """Number of pictures of one scene."""
        with require("pylibCZIrw.czi", self.extra).open_czi(str(file.path)) as opened:
            return _planes(opened, _scene(opened, member, file.where)).count

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """One picture."""
        with require("pylibCZIrw.czi", self.extra).open_czi(str(file.path)) as opened:
            scene = _scene(opened, member, file.where)
            planes = _planes(opened, scene)

            def read(at: dict[str, int], channel: int) -> Any:
                plane = opened.read(plane={**at, "C": channel}, scene=scene)
                return plane[..., 0] if plane.shape[-1] == 1 else plane[..., ::-1]  # blue comes first

            return picture(file.where, planes, row, read)


def _scene(opened: Any, member: str, where: str) -> int | None:
    scenes = opened.scenes_bounding_rectangle
    number = scene_of(member, len(scenes), where)
    return sorted(scenes)[number] if scenes else None


def _planes(opened: Any, scene: int | None) -> Planes:
    box = opened.total_bounding_box
    place = opened.total_bounding_rectangle if scene is None else opened.scenes_bounding_rectangle[scene]
    number = box["C"][1] - box["C"][0] if "C" in box else 1
    samples, item_bytes = PIXELS[opened.get_channel_pixel_type(0)]
    names, spacing = _told(opened.raw_metadata)
    return Planes(
        outer={axis: end - start for axis, (start, end) in box.items() if axis not in "CYXS"},
        channels=channel_names(names, number),
        height=int(place.h),
        width=int(place.w),
        samples=samples,
        item_bytes=item_bytes,
        spacing=spacing,
    )


def _told(metadata: str) -> tuple[tuple[str, ...], tuple[float, float] | None]:
    """Names of the channels, and millimetres from row to row and column to column, by the file's XML."""
    root = ET.fromstring(metadata)
    names = [node.get("Name") or "" for node in root.findall(".//Dimensions/Channels/Channel")]
    sides = []
    for axis in "YX":
        value = root.findtext(f".//Scaling/Items/Distance[@Id='{axis}']/Value")
        sides.append(float(value) * MILLIMETRES if value else 0.0)
    return tuple(names), (sides[0], sides[1]) if all(side > 0 for side in sides) else None


DECODER = Czi()
