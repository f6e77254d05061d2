"""Small files of every format, made in memory, with the pixels that must come out of them."""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import imagecodecs
import nibabel
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGLosslessSV1

Array = npt.NDArray[Any]

RNG = np.random.default_rng(0)
COLOUR: Array = RNG.integers(0, 256, (20, 26, 3), dtype=np.uint8)
GREY: Array = np.ascontiguousarray(COLOUR[..., 0])
DEEP: Array = RNG.integers(0, 4096, (20, 26), dtype=np.uint16)
DEEP_COLOUR: Array = RNG.integers(0, 65536, (20, 26, 3), dtype=np.uint16)
DYES: Array = RNG.integers(0, 4096, (2, 3, 20, 26), dtype=np.uint16)
FIRST: Array = np.moveaxis(DYES[0], 0, -1)
VOLUME: Array = RNG.integers(-900, 900, (26, 20, 3), dtype=np.int16)


@dataclass(frozen=True)
class Sample:
    """One file.

    Attributes:
        decoder: Name of the decoder that takes it.
        content: Its bytes.
        expected: Pixels of its first image; None where the format is lossy.
        bits: What is to be said of its depth.
        row: Row of the first image.
        count: Number of images.
    """

    decoder: str
    content: bytes
    expected: Array | None
    bits: int = 8
    row: int = -1
    count: int = 1


def pillow(array: Array, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(array: Array, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def dicom(array: Array, bits: int = 0, **elements: Any) -> bytes:
    """A DICOM file of one grey or RGB image, or several (n, h, w); further elements by their keywords."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    colour = array.ndim == 3 and array.shape[-1] == 3
    data.Rows, data.Columns = array.shape[:2] if colour or array.ndim == 2 else array.shape[1:]
    if array.ndim == 3 and not colour:
        data.NumberOfFrames = len(array)
    data.SamplesPerPixel = 3 if colour else 1
    if colour:
        data.PlanarConfiguration = 0
    data.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    data.BitsAllocated = array.dtype.itemsize * 8
    data.BitsStored = bits or data.BitsAllocated
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(array.dtype.kind == "i")
    data.PixelData = array.tobytes() + b"\0" * (array.nbytes % 2)
    data["PixelData"].VR = "OB" if array.dtype.itemsize == 1 else "OW"
    compressed = elements.pop("compressed", None)
    if compressed is not None:
        data.file_meta.TransferSyntaxUID = elements.pop("syntax", JPEGLosslessSV1)
        data.PixelData = encapsulate([compressed])
    for name, value in elements.items():
        setattr(data, name, value)
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def nifti(array: Array, ending: str = ".nii", affine: Array | None = None) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"v{ending}"
        nibabel.save(nibabel.Nifti1Image(array, np.diag([-1.0, -1, 1, 1]) if affine is None else affine), path)
        return path.read_bytes()


def czi(array: Array) -> bytes:
    """A CZI file of depths and channels: (z, c, h, w)."""
    from pylibCZIrw import czi as library

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.czi"
        with library.create_czi(str(path)) as file:
            for z, c in np.ndindex(array.shape[:2]):
                file.write(data=array[z, c][..., None], plane={"Z": z, "C": c})
            names = {c: f"dye {c}" for c in range(array.shape[1])}
            file.write_metadata("x", channel_names=names, scale_x=5e-7, scale_y=2.5e-7)
        return path.read_bytes()


def lif(array: Array) -> bytes:
    """A LIF file of depths and channels: (z, c, h, w) of 16 bits, channels together in memory."""
    depth, channels, height, width = array.shape
    words = 'Min="0" Max="4095" Unit="" NameOfMeasuredQuantity="" IsLUTInverted="0" BitInc="0"'
    described = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" {words} LUTName="Gray" '
        f'BytesInc="{2 * height * width * c}"/>'
        for c in range(channels)
    )
    sides = ((1, width, 2, 5e-7), (2, height, 2 * width, 2.5e-7), (3, depth, 2 * height * width * channels, 1e-6))
    dimensions = "".join(
        f'<DimensionDescription DimID="{axis}" NumberOfElements="{size}" Origin="0" Length="{step * (size - 1)}" '
        f'Unit="m" BitInc="0" BytesInc="{jump}"/>'
        for axis, size, jump, step in sides
    )
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="x"><Children><Element Name="y">'
        f'<Memory Size="{array.nbytes}" MemoryBlockID="MemBlock_0"/><Data><Image><ImageDescription>'
        f"<Channels>{described}</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
        "</Element></Children></Element></LMSDataContainerHeader>"
    )
    text, name = xml.encode("utf-16-le"), "MemBlock_0".encode("utf-16-le")
    first = struct.pack("<IIBI", 0x70, 5 + len(text), 0x2A, len(xml)) + text
    block = struct.pack("<IIBQBI", 0x70, 14 + len(name), 0x2A, array.nbytes, 0x2A, 10) + name
    return first + block + array.tobytes()


MAKERS: dict[str, Callable[[], Sample]] = {
    "png": lambda: Sample("png", pillow(COLOUR, "PNG"), COLOUR),
    "png of 16 bits": lambda: Sample("png", imagecodecs.png_encode(DEEP), DEEP, 16),
    "png of 16-bit colour": lambda: Sample("png", imagecodecs.png_encode(DEEP_COLOUR), DEEP_COLOUR, 16),
    "png of one bit": lambda: Sample("png", pillow(GREY > 127, "PNG"), np.where(GREY > 127, 255, 0), 1),
    "jpeg": lambda: Sample("jpeg", pillow(COLOUR, "JPEG", quality=90), None),
    "progressive jpeg": lambda: Sample("jpeg", pillow(COLOUR, "JPEG", progressive=True), None),
    "gif": lambda: Sample("gif", pillow(GREY, "GIF"), GREY),
    "bmp": lambda: Sample("bmp", pillow(COLOUR, "BMP"), COLOUR),
    "webp": lambda: Sample("webp", pillow(COLOUR, "WEBP", lossless=True), COLOUR),
    "jp2": lambda: Sample("jp2", imagecodecs.jpeg2k_encode(COLOUR, level=0, reversible=True), COLOUR),
    "jp2 of 12 bits": lambda: Sample(
        "jp2", imagecodecs.jpeg2k_encode(DEEP, level=0, bitspersample=12, reversible=True), DEEP, 12
    ),
    "tiff": lambda: Sample("tiff", pillow(COLOUR, "TIFF"), COLOUR),
    "tiff, LZW": lambda: Sample("tiff", pillow(COLOUR, "TIFF", compression="tiff_lzw"), COLOUR),
    "tiff of 16 bits": lambda: Sample("tiff", tiff(DEEP, compression="zlib", predictor=True), DEEP, 16),
    "tiff of 12 bits": lambda: Sample("tiff", tiff(DEEP, bitspersample=12), DEEP, 12),
    "tiff of 16-bit planes": lambda: Sample(
        "tiff",
        tiff(np.moveaxis(DEEP_COLOUR, -1, 0), photometric="rgb", planarconfig="separate"),
        DEEP_COLOUR,
        16,
    ),
    "float tiff": lambda: Sample("tiff", tiff(DEEP.astype(np.float32)), DEEP.astype(np.float32), 32),
    "big tiff, big endian": lambda: Sample("tiff", tiff(DEEP.astype(">u2"), bigtiff=True, byteorder=">"), DEEP, 16),
    "dicom": lambda: Sample("dicom", dicom(DEEP, 12), DEEP, 12),
    "dicom, colour": lambda: Sample("dicom", dicom(COLOUR), COLOUR),
    "dicom, frames": lambda: Sample("dicom", dicom(np.stack([DEEP, DEEP + 1]), 16), DEEP, 16, 0, 2),
    "nifti": lambda: Sample("nifti", nifti(VOLUME), VOLUME[:, :, 0].T, 16, 0, 3),
    "nifti, compressed": lambda: Sample("nifti", nifti(VOLUME, ".nii.gz"), VOLUME[:, :, 0].T, 16, 0, 3),
    "czi": lambda: Sample("czi", czi(DYES), FIRST, 16, 0, 2),
    "lif": lambda: Sample("lif", lif(DYES), FIRST, 16, 0, 2),
}

WITHOUT = {"nd2", "slide"}
"""Formats with tests of their own: no ND2 can be made here, and what OpenSlide reads is told by endings."""


@cache
def sample(name: str) -> Sample:
    return MAKERS[name]()
