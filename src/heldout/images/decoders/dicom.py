"""DICOM: what scanners, detectors and archives write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from heldout.images.decoded import Decoded
from heldout.images.decoders import _dicom
from heldout.images.decoders._libjpeg import refuse_another_size
from heldout.images.decoders._pillow import choose_frame
from heldout.images.decoders.decoder import Decoder
from heldout.images.errors import ImageError
from heldout.images.faithful import faithful
from heldout.images.memory import reserve
from heldout.images.opened import ImageFile

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

Array = npt.NDArray[Any]

IN_PARTS = 2**24
"""Bytes of a file of several frames from which on each frame is read by itself."""

COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422")

GREYS = ("MONOCHROME1", "MONOCHROME2")

JPEG = "1.2.840.10008.1.2.4"

LIBRARIES = {
    f"{JPEG}.50": "pillow",
    f"{JPEG}.51": "pillow",
    f"{JPEG}.80": "pyjpegls",
    f"{JPEG}.81": "pyjpegls",
    f"{JPEG}.90": "pylibjpeg",
    f"{JPEG}.91": "pylibjpeg",
    f"{JPEG}.201": "pylibjpeg",
    f"{JPEG}.202": "pylibjpeg",
    f"{JPEG}.203": "pylibjpeg",
    "1.2.840.10008.1.2.5": "pydicom",
}
"""Transfer syntax (PS3.5, 10) -> library that unpacks it, as pydicom calls it. One each: two may differ by a level.
Two are left out: GDCM (3.2.6), which ends the process on damaged JPEG 2000, and pylibjpeg-rle (2.2), which panics."""

JPEG_BASELINE, JPEG_EXTENDED = f"{JPEG}.50", f"{JPEG}.51"

JPEG_LOSSLESS = (f"{JPEG}.57", f"{JPEG}.70")

EXPECTED = "one grey, RGB or palette image"


class Dicom(Decoder):
    """Grey, RGB, YBR and palette images, of 1 to 32 bits, signed or not, native or JPEG, JPEG-LS, JPEG 2000 or RLE.

    Rescale slope and intercept, or the modality table, are applied: values are those of the device (Hounsfield).
    MONOCHROME1 is inverted, so that larger is brighter. The window (VOI) is kept beside the pixels and not applied.
    Frames are rows. Of the header, what becomes columns is kept: the patient as a hash, institution as site, year,
    manufacturer, device, station, modality, body part, view, side, sex and age.
    """

    name: ClassVar[str] = "dicom"
    title: ClassVar[str] = "DICOM"
    suffixes: ClassVar[tuple[str, ...]] = (".dcm", ".dicom", ".ima")
    depths: ClassVar[str] = "1 to 32 bits, signed, floating point"

    def takes(self, head: bytes) -> bool:
        """`DICM` after a preamble of 128 bytes; or, without one, an element of group 2 or 8 in little endian."""
        return head[128:132] == b"DICM" or _dicom.begins_without_preamble(head)

    def count(self, file: ImageFile, member: str = "") -> int:
        """Number of frames."""
        return _dicom.frames(_dicom.header(file.path))

    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """The image, or one frame."""
        header = _dicom.header(file.path)
        _refuse(header, file.where)
        frame = choose_frame(file.where, _dicom.frames(header), row, "frames", alike=True)
        samples = int(header.SamplesPerPixel)
        reserve(int(header.Columns), int(header.Rows), samples, -(-int(header.BitsAllocated) // 8), file.where)
        stored = _stored(file, header, frame)
        if stored.shape[:2] != (header.Rows, header.Columns):
            raise ValueError(f"{stored.shape[:2]} pixels decoded, {(header.Rows, header.Columns)} in the header")
        if header.PhotometricInterpretation in GREYS:
            decoded = _grey(stored, header, frame, file.where)
        else:
            decoded = _colour(stored, header, file.where)
        return replace(
            decoded,
            spacing=_dicom.spacing(header, frame),
            about=_dicom.columns(header),
            notes=(*decoded.notes, *_dicom.warnings(header)),
        )


def _refuse(header: Dataset, where: str) -> None:
    """What has no pixels, or pixels of no kind that is taken."""
    if not any(name in header for name in ("Rows", "PhotometricInterpretation")):
        kind = _dicom.kind(header)
        raise ImageError(where, f"a DICOM file without pixels ({kind})", EXPECTED, "Leave it out.")
    missing = [
        name
        for name in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation")
        if header.get(name) is None
    ]
    if missing:
        raise ValueError(f"no {', '.join(missing)} in its header")
    colours, samples = str(header.PhotometricInterpretation), int(header.SamplesPerPixel)
    expected = 3 if colours in COLOURS else 1
    if colours not in (*COLOURS, *GREYS, "PALETTE COLOR") or samples != expected:
        remedy = "Convert it to RGB or MONOCHROME2, and save that."
        raise ImageError(where, f"the colour space {colours} with {samples} samples a pixel", EXPECTED, remedy)
    syntax = _dicom.transfer_syntax(header)
    if not syntax.is_private and _dicom.is_video(syntax):
        raise ImageError(where, f"a video ({syntax.name})", EXPECTED, "Write the frames that matter as images.")


def _stored(file: ImageFile, header: Dataset, frame: int) -> Array:
    """One frame as it is stored, colours as RGB: (h, w) or (h, w, 3)."""
    import pydicom

    source: Dataset | Path = file.path
    if file.size < IN_PARTS or _dicom.frames(header) == 1 or file.head[128:132] != b"DICM":
        source = pydicom.dcmread(file.path, force=True)
        source.file_meta = header.file_meta
    syntax = _dicom.transfer_syntax(header)
    if syntax.is_encapsulated and not isinstance(source, Path):
        _dicom.refuse_loose_fragments(source.PixelData)
    twelve = syntax == JPEG_EXTENDED and int(header.get("BitsStored", 8)) > 8
    if twelve or syntax in JPEG_LOSSLESS:
        return _by_libjpeg(source, header, frame)
    if syntax == JPEG_BASELINE and not isinstance(source, Path):  # a slide has a hundred thousand frames
        refuse_another_size(_dicom.compressed(source, header, frame), file.where)
    return _by_pydicom(source, syntax, frame)


def _by_pydicom(source: Dataset | Path, syntax: UID, frame: int) -> Array:
    """One frame, native or unpacked by the library of its transfer syntax."""
    from pydicom.pixels import pixel_array

    if syntax.is_encapsulated and syntax not in LIBRARIES:
        raise NotImplementedError(syntax.name)
    return np.asarray(pixel_array(source, index=frame, decoding_plugin=LIBRARIES.get(syntax, "")))


def _by_libjpeg(source: Dataset | Path, header: Dataset, frame: int) -> Array:
    """A frame of lossless or 12-bit JPEG."""
    import imagecodecs

    if str(header.PhotometricInterpretation).startswith("YBR"):
        raise NotImplementedError(f"{_dicom.transfer_syntax(header).name} in {header.PhotometricInterpretation}")
    pixels = np.asarray(imagecodecs.jpeg8_decode(_dicom.compressed(source, header, frame)))
    bits = int(header.get("BitsStored") or header.BitsAllocated)
    if not header.get("PixelRepresentation"):
        return pixels
    sign = 1 << (bits - 1)  # of two's complement in the bits that are stored
    return ((pixels.astype(np.int32) & (2 * sign - 1)) ^ sign).astype(np.int16 if bits <= 16 else np.int32) - sign


def _grey(stored: Array, header: Dataset, frame: int, where: str) -> Decoded:
    scale = _dicom.scale(header, frame)
    pixels = faithful(scale.applied(stored), where)
    window, notes = _dicom.window(header, frame)
    if header.PhotometricInterpretation == "MONOCHROME1":
        if pixels.dtype.kind == "f":
            pixels = np.float32(scale.low + scale.high) - pixels
        else:
            pixels = (np.int64(scale.low + scale.high) - pixels).astype(pixels.dtype)
        if window is not None:
            window = (scale.low + scale.high - window[1], scale.low + scale.high - window[0])
        notes = (*notes, "Inverted, since its header says MONOCHROME1: larger values are brighter now.")
    if int(header.BitsAllocated) == 1:
        return Decoded(faithful(pixels > 0, where), 1, "grey")
    return Decoded(pixels, scale.bits, "grey", window=window, notes=notes, span=(scale.low, scale.high))


def _colour(stored: Array, header: Dataset, where: str) -> Decoded:
    from pydicom.pixels import apply_color_lut

    bits = int(header.get("BitsStored", header.BitsAllocated))
    if header.PhotometricInterpretation != "PALETTE COLOR":
        return Decoded(faithful(stored, where), bits, "rgb")
    colours = np.asarray(apply_color_lut(stored, header))[..., :3]
    if colours.dtype == np.uint16 and not (colours % 257).any():  # 8 bits, written twice
        colours = (colours // 257).astype(np.uint8)
    elif colours.dtype == np.uint16 and not (colours & 255).any():  # 8 bits in the upper half
        colours = (colours >> 8).astype(np.uint8)
    return Decoded(faithful(colours, where), colours.dtype.itemsize * 8, "rgb")


DECODER = Dicom()
