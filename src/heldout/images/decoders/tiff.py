"""TIFF, with what microscopes and slide scanners write as TIFF: OME, ImageJ, pyramids."""

from __future__ import annotations

from typing import ClassVar

from PIL import UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from heldout.images.decoded import Decoded
from heldout.images.decoders import _tifffile
from heldout.images.decoders._pillow import ALPHA, decode_picture, is_deep, open_picture
from heldout.images.decoders.decoder import Decoder
from heldout.images.opened import ImageFile

SIMPLE = frozenset({"1", "L", "P", "RGB", *ALPHA})

BITS_PER_SAMPLE, DESCRIPTION, SAMPLES_PER_PIXEL, SAMPLE_FORMAT = 258, 270, 277, 339
"""Tags; in the second OME and ImageJ write what the pages mean, the last tells signed values from unsigned (1)."""


class Tiff(Decoder):
    """Grey, palette, RGB and any channels, of 1 to 32 bits or floating point; OME-TIFF and ImageJ by their own words.

    Pages, time points and planes are rows, in their order; channels stay together. A level of a pyramid is named
    `level 2` in a manifest's column `array`: its tiles are rows then. Several pictures of one file are `series 1`.
    """

    name: ClassVar[str] = "tiff"
    title: ClassVar[str] = "TIFF"
    suffixes: ClassVar[tuple[str, ...]] = (".tif", ".tiff", ".svs", ".ndpi", ".scn", ".lsm", ".qptiff")
    depths: ClassVar[str] = "1 to 32 bits, floating point, any channels"

    def takes(self, head: bytes) -> bool:
        """The byte order and 42, or 43 for BigTIFF."""
        return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

    def count(self, file: ImageFile, member: str = "") -> int:
        """Pages, planes and time points; tiles of a level."""
        return _tifffile.count(file, member)

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """The picture, one page, or one tile."""
        if not member and row < 0 and _tifffile.is_small(file):
            try:
                with open_picture(file, ("TIFF",)) as image:
                    if isinstance(image, TiffImageFile) and _is_simple(image):
                        return decode_picture(file, image)
            except UnidentifiedImageError:  # a kind of TIFF that Pillow does not know, or damaged: the other one tells
                pass
        return _tifffile.decode(file, member, row)


def _is_simple(image: TiffImageFile) -> bool:
    """Whether Pillow reads the picture as it is: one page of 8-bit grey, palette or RGB, with no words of meaning."""
    if image.mode not in SIMPLE or is_deep(image):
        return False
    if int(image.tag_v2.get(SAMPLES_PER_PIXEL, 1)) != len(image.getbands()):  # Pillow leaves out those beyond
        return False
    # Pillow cuts 16-bit colour in planes, and takes signed bytes for unsigned ones, without a word.
    if max(image.tag_v2.get(BITS_PER_SAMPLE, (1,))) > 8 or max(image.tag_v2.get(SAMPLE_FORMAT, (1,))) > 1:
        return False
    said = str(image.tag_v2.get(DESCRIPTION, ""))
    return int(getattr(image, "n_frames", 1)) == 1 and not said.startswith(("<?xml", "<OME", "ImageJ="))


DECODER = Tiff()
