"""An image as its file has it, for `predict.py`: what Pillow would misread, cut or leave out is an error."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MODES = {
    "8 bits or fewer": {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB"},
    "more than 8 bits": {"I;16": "I;16", "I;16B": "I;16B"},
}
"""Kind of depth -> mode of Pillow -> what it becomes."""

DESCRIPTION, BITS, PHOTOMETRIC, SAMPLES, FORMAT = 270, 258, 262, 277, 339  # tags of TIFF 6.0

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type of PNG -> values a pixel

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row and their steps in each pass of an interlaced PNG."""


def pixels_of(file: Path, depths: list[str]) -> np.ndarray[Any, Any]:
    """Pixels (h, w, 1) or (h, w, 3), upright, in the values of the file; ValueError or OSError where that is not sure.

    Args:
        file: PNG, JPEG, BMP or TIFF.
        depths: Kinds of depth that the model takes.
    """
    content = file.read_bytes()  # not by path: Pillow scrambles an uncompressed TIFF that it maps and has to turn
    try:
        picture = Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "BMP", "TIFF"))
    except UnidentifiedImageError as error:
        raise ValueError("no PNG, JPEG, BMP or TIFF that Pillow reads") from error
    modes = {mode: made for depth in depths for mode, made in MODES[depth].items()}
    if picture.mode not in modes or picture.has_transparency_data or getattr(picture, "n_frames", 1) > 1:
        raise ValueError(f"{picture.mode} pixels; expected one opaque grey or RGB image, {' or '.join(depths)}")
    if picture.format == "TIFF" and (why := _misread(picture)):
        raise ValueError(f"a TIFF with {why}, which Pillow misreads; convert it, or use heldout predict")
    if picture.format == "PNG":
        _check_png(content)
    return np.atleast_3d(np.asarray(ImageOps.exif_transpose(picture).convert(modes[picture.mode])))


def _misread(picture: Any) -> str:
    """Why Pillow does not read a TIFF as it is; empty where it does."""
    tags, deep = picture.tag_v2, picture.mode.startswith("I;16")
    samples = tags.get(SAMPLES, 1)
    if max(tags.get(BITS, (1,))) > (16 if deep else 8):
        return f"{max(tags[BITS])} bits a channel"
    if max(tags.get(FORMAT, (1,))) > 1:
        return "signed or floating-point values"
    if samples != len(picture.getbands()):
        return f"{samples} channels"
    if deep and tags.get(PHOTOMETRIC) != 1:
        return "white as 0 in 16 bits"
    several = rf'images=(?!1\b)|Size[ZT]="(?!1")|SizeC="(?!{samples}")'  # as ImageJ and OME say it
    return "several images" if re.search(several, str(tags.get(DESCRIPTION, ""))) else ""


def _check_png(content: bytes) -> None:
    """Refuse 16-bit colour, and a header of more or fewer rows than there are: Pillow leaves them out, or black."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", content[16:29])
    if depth > 8 and CHANNELS[colour] > 1:
        raise ValueError("16-bit colour, which Pillow cuts to 8 bits")
    said = 0
    for left, top, across, down in ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            said += rows * (1 + -(-columns * depth * CHANNELS[colour] // 8))
    data, at = bytearray(), 8
    while at + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        data += content[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length  # length, kind, data, checksum
    if len(zlib.decompressobj().decompress(data, said + 1)) != said:
        raise ValueError(f"a PNG whose data are not those of {width} × {height} pixels")
