"""Image files through Pillow: what cannot become 8-bit grey or RGB without loss is refused, with the reason."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from heldout.images.errors import ImageError

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP")
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp"})
"""Endings by which a folder's images are told from its other files."""

EXPECTED = "one 8-bit grey or RGB image (PNG, JPEG, BMP, TIFF, GIF or WebP)"

EXIF_ORIENTATION = 0x0112  # Exif 2.32, table 4

SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"GIF8", b"RIFF")
"""First bytes of the formats above: a file that begins so and cannot be read is damaged, not of another kind."""

ALPHA = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})


def decode_file(path: Path) -> tuple[npt.NDArray[np.uint8], int]:
    """Read one image file.

    Palettes and 1-bit images are expanded, the EXIF orientation is applied, an alpha channel that is opaque everywhere
    is dropped. Colour profiles are not applied.

    Args:
        path: The file; its content decides on the format, not its name.

    Returns:
        Pixels (h, w) or (h, w, 3) uint8, and the bits a channel of the file (1 or 8).

    Raises:
        ImageError: It is missing, empty, cut off, damaged, of another format, of zero size, has several pages, more
            than 8 bits, floating-point values, transparency, or is in CMYK, YCbCr or Lab.
    """
    where = str(path)
    try:
        with path.open("rb") as file:
            content = file.read()
    except OSError as error:
        raise ImageError(
            where, _why(error), "a readable file", "Correct the path or the rights of the file."
        ) from error
    if not content:
        raise ImageError(where, "an empty file (0 bytes)", EXPECTED, "Copy the file again, or leave it out.")
    try:
        # From memory, not by path: Pillow maps an uncompressed TIFF from its path, and then scrambles one that carries
        # an orientation (seen with 13.0).
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _refuse_header(image, where)
            image.load()
            _refuse_cut_jpeg(image, content, where)
            bits = 1 if image.mode == "1" else 8
            return _pixels(image, where), bits
    except ImageError:
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, struct.error, ValueError … for a damaged file
        raise _damaged(where, error, content) from error


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "a folder"
    return error.strerror or type(error).__name__


def _damaged(where: str, error: Exception, content: bytes) -> ImageError:
    if isinstance(error, UnidentifiedImageError) and _png_of_zero_size(content):
        return ImageError(where, "an image of zero size", EXPECTED, "Copy the file again, or leave it out.")
    if isinstance(error, UnidentifiedImageError) and not content.startswith(SIGNATURES):
        return ImageError(
            where,
            "a file that is no image of these formats",
            EXPECTED,
            "Convert it without loss (16-bit, DICOM and raw data: choose the grey levels yourself), or leave it out.",
        )
    return ImageError(
        where,
        f"a damaged or truncated image ({_said(error)})",
        EXPECTED,
        "Copy the file again from its origin, or leave it out with --skip-unreadable.",
    )


def _said(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # it names the buffer in memory, which tells nobody anything
        return "its header cannot be read"
    return str(error)[:100] or type(error).__name__


def _png_of_zero_size(content: bytes) -> bool:
    """Whether the header of a PNG (signature, then the chunk IHDR: width, height) names a side of no pixels."""
    header = content[:24]
    return header.startswith(SIGNATURES[0]) and len(header) == 24 and b"\0\0\0\0" in (header[16:20], header[20:24])


def _refuse_header(image: Image.Image, where: str) -> None:
    """What the header already tells to be beyond 8-bit grey or RGB."""
    if 0 in image.size:
        raise ImageError(
            where, f"an image of zero size {image.size}", EXPECTED, "Copy the file again, or leave it out."
        )
    pages = getattr(image, "n_frames", 1)
    if pages > 1:
        raise ImageError(
            where, f"{pages} pages", EXPECTED, "Write each page, or the one that matters, as a file of its own."
        )
    raw = _raw_mode(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;") or ";16" in raw or ";32" in raw:
        kind = "floating-point values" if image.mode == "F" or raw.endswith("F") else "more than 8 bits a channel"
        raise ImageError(
            where,
            f"{kind} (mode {image.mode}{', ' + raw if raw else ''})",
            EXPECTED,
            "Choose the grey levels that matter and save 8 bits, with one scale for all images: cutting to 8 bits here "
            "would decide it in silence.",
        )
    if image.format == "TIFF" and raw.startswith("RGBX"):
        raise ImageError(
            where, "more than 3 channels of unknown meaning", EXPECTED, "Save the 1 or 3 channels that matter."
        )
    if image.mode not in ("1", "L", "P", "RGB", *ALPHA):
        raise ImageError(
            where,
            f"the colour space {image.mode}",
            EXPECTED,
            "Convert it to RGB with the colour profile of its camera or scanner, and save that.",
        )


def _raw_mode(image: Image.Image) -> str:
    """How Pillow will unpack the file, e.g. `RGB;16B`: it says `RGB` of a 16-bit PNG, and cuts it, otherwise.

    16-bit BMP (5 or 6 bits a channel, `BGR;15`, `BGR;16`) only widens and is let through.
    """
    tiles: list[Any] = list(getattr(image, "tile", []))
    if not tiles:
        return ""
    arguments = tiles[0][3]
    raw = arguments if isinstance(arguments, str) else (arguments[0] if arguments else "")
    return "" if not isinstance(raw, str) or raw.startswith("BGR") else raw


def _refuse_cut_jpeg(image: Image.Image, content: bytes, where: str) -> None:
    """Libjpeg fills what is missing with grey and only warns; a JPEG without its end marker was cut off."""
    if image.format != "JPEG":
        return
    start = content.rfind(b"\xff\xda")  # start of the last scan; an embedded thumbnail stands before it
    if content.rfind(b"\xff\xd9") < start:
        raise ImageError(
            where,
            "a truncated JPEG (its end marker is missing)",
            EXPECTED,
            "Copy the file again from its origin, or leave it out with --skip-unreadable.",
        )


def _pixels(image: Image.Image, where: str) -> npt.NDArray[np.uint8]:
    if image.format != "TIFF" and image.getexif().get(EXIF_ORIENTATION, 1) != 1:  # Pillow turns TIFF itself
        image = ImageOps.exif_transpose(image)
    if image.mode in ALPHA or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        transparent = int((rgba[..., 3] != 255).sum())
        if transparent:
            share = transparent / rgba[..., 3].size
            raise ImageError(
                where,
                f"transparency ({share:.1%} of the pixels are not opaque)",
                EXPECTED,
                "Put the image on the background that you want the network to see, and save it without alpha.",
            )
        return np.ascontiguousarray(rgba[..., :3])
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.mode == "P":
        return np.asarray(image.convert("RGB"))
    return np.asarray(image)
