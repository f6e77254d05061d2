"""What the formats that Pillow reads have in common: 8-bit grey and RGB as they are, anything else by its reason."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from heldout.images.decoded import Decoded
from heldout.images.errors import ImageError, SeveralImagesError
from heldout.images.memory import reserve, too_large
from heldout.images.opened import ImageFile

Pixels = npt.NDArray[np.uint8]

EXPECTED = "one grey or RGB image"

EXIF_ORIENTATION = 0x0112  # Exif 2.32, table 4

ALPHA = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})


def open_picture(file: ImageFile, formats: tuple[str, ...]) -> Image.Image:
    """The picture with its header read, its size known to be bearable.

    From memory, not by path: Pillow maps an uncompressed TIFF from its path, and then scrambles one that carries an
    orientation (seen with 13.0).

    Raises:
        ImageError: It has no pixels, or too many.
    """
    try:
        image = Image.open(io.BytesIO(file.content), formats=formats)
    except Image.DecompressionBombError as error:
        raise too_large(file.where, f"more pixels than can be held ({error})") from error
    reserve(*image.size, channels=len(image.getbands()), item_bytes=_item_bytes(image), where=file.where)
    if 0 in image.size:
        raise zero_size(file.where, image.size)
    return image


def decode_picture(file: ImageFile, image: Image.Image, row: int = -1) -> Decoded:
    """An 8-bit picture: palettes and single bits expanded, upright by EXIF, opaque alpha dropped.

    Args:
        file: The file.
        image: Its picture, opened.
        row: Which of several frames, or −1.

    Raises:
        ImageError: It has several frames of which none is chosen, transparency, or another colour space.
    """
    frames = int(getattr(image, "n_frames", 1))
    choose_frame(file.where, frames, row)
    if frames > 1:
        image.seek(row)
    if image.mode not in ("1", "L", "P", "RGB", *ALPHA):
        raise ImageError(
            file.where,
            f"the colour space {image.mode}",
            EXPECTED,
            "Convert it to RGB with the colour profile of its camera or scanner, and save that.",
        )
    image.load()
    bits = 1 if image.mode == "1" else 8
    pixels = upright_pixels(image, file.where)
    return Decoded(pixels, bits, "grey" if pixels.ndim == 2 else "rgb")


def choose_frame(where: str, frames: int, row: int, noun: str = "pages", alike: bool = False) -> int:
    """The frame that a row means.

    Args:
        where: The file.
        frames: How many there are.
        row: Which is asked for; −1 for the only one.
        noun: What they are called.
        alike: Whether each is an image of its own, as rows of an array are.

    Raises:
        ImageError: Several frames and no row, or a row beyond them.
    """
    if row < 0 and frames > 1:
        raise SeveralImagesError(where, frames, noun, alike)
    if row >= max(frames, 1):
        raise ImageError(
            f"{where} row {row}",
            f"row {row} of {frames} {noun}",
            f"a row from 0 to {frames - 1}",
            "Rows are counted from 0; correct the row, or leave the line out.",
        )
    return max(row, 0)


def zero_size(where: str, size: tuple[int, int]) -> ImageError:
    """The refusal of an image without pixels."""
    return ImageError(where, f"an image of zero size {size}", EXPECTED, "Copy the file again, or leave it out.")


def raw_mode(image: Image.Image) -> str:
    """How Pillow will unpack the file, e.g. `RGB;16B`: it says `RGB` of a 16-bit PNG, and cuts it, otherwise.

    16-bit BMP (5 or 6 bits a channel, `BGR;15`, `BGR;16`) only widens and is let through.
    """
    tiles: list[Any] = list(getattr(image, "tile", []))
    if not tiles:
        return ""
    arguments = tiles[0][3]
    raw = arguments if isinstance(arguments, str) else (arguments[0] if arguments else "")
    return "" if not isinstance(raw, str) or raw.startswith("BGR") else raw


def is_deep(image: Image.Image) -> bool:
    """Whether a channel has more than 8 bits, or is no whole number."""
    raw = raw_mode(image)
    return image.mode in ("I", "F") or image.mode.startswith("I;") or ";16" in raw or ";32" in raw


def upright_pixels(image: Image.Image, where: str) -> Pixels:
    """(h, w) or (h, w, 3) of a picture that has been loaded.

    Raises:
        ImageError: It is transparent somewhere.
    """
    if image.format != "TIFF" and image.getexif().get(EXIF_ORIENTATION, 1) != 1:  # Pillow turns TIFF itself
        image = ImageOps.exif_transpose(image)
    if image.mode in ALPHA or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        return without_alpha(rgba, where)
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.mode == "P":
        return np.asarray(image.convert("RGB"))
    return np.asarray(image)


def without_alpha(pixels: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """(h, w, k − 1) of an image whose last channel is alpha and opaque everywhere.

    Raises:
        ImageError: It is transparent somewhere.
    """
    opaque = np.iinfo(pixels.dtype).max
    transparent = int((pixels[..., -1] != opaque).sum())
    if transparent:
        raise ImageError(
            where,
            f"transparency ({transparent:,} of {pixels[..., -1].size:,} pixels are not opaque)",
            EXPECTED,
            "Put the image on the background that you want the network to see, and save it without alpha.",
        )
    return np.ascontiguousarray(pixels[..., :-1])


def turned(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """An array set upright by the EXIF orientation (1 … 8) of its file."""
    turns = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a.swapaxes(0, 1)[:, ::-1],
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: a.swapaxes(0, 1)[::-1],
    }
    turn = turns.get(orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def _item_bytes(image: Image.Image) -> int:
    return 4 if image.mode in ("I", "F") else 2 if is_deep(image) else 1
