"""JPEG 2000."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from heldout.images.decoded import Decoded, Photometric
from heldout.images.decoders._pillow import EXPECTED, without_alpha
from heldout.images.decoders.decoder import Decoder
from heldout.images.errors import ImageError
from heldout.images.faithful import faithful
from heldout.images.memory import reserve
from heldout.images.opened import ImageFile

BOXES = b"\0\0\0\x0cjP  \r\n\x87\n"
CODESTREAM = b"\xff\x4f\xff\x51"
END_OF_CODESTREAM = b"\xff\xd9"

SRGB, GREY, SYCC = 16, 17, 18
"""Colour spaces that a box `colr` names by number (ISO 15444-1, table I.10)."""


class Jpeg2000(Decoder):
    """Grey, RGB and further channels of 1 to 16 bits; opaque alpha is dropped, transparency refused."""

    name: ClassVar[str] = "jp2"
    title: ClassVar[str] = "JPEG 2000"
    suffixes: ClassVar[tuple[str, ...]] = (".jp2", ".j2k", ".jpx", ".j2c")
    depths: ClassVar[str] = "1 to 16 bits"

    def takes(self, head: bytes) -> bool:
        """The first box of a JP2 file, or a bare codestream."""
        return head.startswith((BOXES, CODESTREAM))

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """The picture."""
        import imagecodecs

        size = _size(file.content)
        reserve(size.width, size.height, size.channels, 1 if size.bits <= 8 else 2, file.where)
        if file.content.rfind(END_OF_CODESTREAM) < len(file.content) // 2:
            raise ValueError("its end marker is missing")
        pixels: npt.NDArray[Any] = imagecodecs.jpeg2k_decode(file.content)
        if pixels.shape[:2] != (size.height, size.width):
            raise ValueError(f"{pixels.shape[:2]} pixels decoded, {(size.height, size.width)} in the header")
        return _meant(pixels, size, _colours(file.content), file.where)


@dataclass(frozen=True)
class Size:
    """What the codestream's header says."""

    width: int
    height: int
    channels: int
    bits: int
    signed: bool


def _size(content: bytes) -> Size:
    """The marker segment SIZ (ISO 15444-1, A.5.1)."""
    at = content.index(CODESTREAM) + 8
    across, down, left, top = struct.unpack(">IIII", content[at : at + 16])
    channels = struct.unpack(">H", content[at + 32 : at + 34])[0]
    depths = [content[at + 34 + 3 * number] for number in range(channels)]
    steps = [content[at + 34 + 3 * number + 1 : at + 34 + 3 * number + 3] for number in range(channels)]
    if not channels or any(step != b"\x01\x01" for step in steps):
        raise ValueError("channels of different sizes")
    return Size(across - left, down - top, channels, max(d & 127 for d in depths) + 1, bool(depths[0] & 128))


def _colours(content: bytes) -> int:
    """The colour space that the box `colr` names; 0 if there is none."""
    at = content.find(b"colr", 0, content.index(CODESTREAM))
    if at < 0 or content[at + 4] != 1:
        return 0
    return int(struct.unpack(">I", content[at + 7 : at + 11])[0])


def _meant(pixels: npt.NDArray[Any], size: Size, colours: int, where: str) -> Decoded:
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
    if colours not in (0, SRGB, GREY, SYCC):
        raise ImageError(where, f"colour space {colours} of JPEG 2000", EXPECTED, "Convert it to sRGB, and save that.")
    photometric: Photometric = "grey" if pixels.ndim == 2 else "channels"
    if pixels.ndim == 3 and colours in (SRGB, SYCC) and pixels.shape[-1] in (3, 4):
        pixels = without_alpha(pixels, where) if pixels.shape[-1] == 4 else pixels
        photometric = "rgb"
    elif pixels.ndim == 3 and not colours and pixels.shape[-1] == 3:
        photometric = "rgb"  # a bare codestream of three channels: its colour transform is that of RGB
    if size.bits == 1:
        return Decoded(faithful(pixels > 0, where), 1, photometric)
    if size.bits < 8 and not size.signed:
        pixels = (pixels.astype(np.uint16) * 255 // ((1 << size.bits) - 1)).astype(np.uint8)
    return Decoded(faithful(pixels, where), max(size.bits, 8), photometric)


DECODER = Jpeg2000()
