"""One image file, whatever its format: the decoder is chosen by its first bytes, and any failure has one shape."""

from __future__ import annotations

from pathlib import Path

from heldout.errors import HeldoutError
from heldout.images.decoded import Decoded
from heldout.images.decoders import Decoder, decoder_of, decoders
from heldout.images.errors import ImageError
from heldout.images.opened import ImageFile, open_file

IMAGE_SUFFIXES = frozenset(
    {
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".webp"),
        *(".jp2", ".j2k", ".dcm", ".dicom"),
    }
)
"""Endings by which a folder's images are told from its other files; a test holds them to those of the decoders."""


def decode_file(path: Path, member: str = "", row: int = -1) -> Decoded:
    """One image of a file, faithfully.

    Args:
        path: The file; its content decides on the format, not its name.
        member: Part of the file, where its format has several.
        row: Which image of several, or −1 for the only one.

    Raises:
        ImageError: It is missing, no regular file, empty, damaged, too large, or cannot be read without loss.
    """
    file = open_file(path)
    decoder = _chosen(file)
    try:
        return decoder.decode(file, member, row)
    except ImageError:
        raise
    except HeldoutError as error:  # an extra is not installed
        raise ImageError(
            file.where, f"a file of the format {decoder.title}", "a format that is installed", str(error)
        ) from error
    except Exception as error:  # libraries raise nearly anything for a damaged file
        raise _damaged(file, decoder, error) from error


def count_images(path: Path, member: str = "") -> int:
    """Number of images in a file, by its header: frames, pages, slices.

    Raises:
        ImageError: As for `decode_file`.
    """
    file = open_file(path)
    decoder = _chosen(file)
    try:
        return decoder.count(file, member)
    except ImageError:
        raise
    except Exception as error:
        raise _damaged(file, decoder, error) from error


def holds_image(path: Path) -> bool:
    """Whether a file begins as one of the formats does; for files without an ending."""
    try:
        return decoder_of(open_file(path).head) is not None
    except ImageError:
        return False


def _chosen(file: ImageFile) -> Decoder:
    decoder = decoder_of(file.head)
    if decoder is None:
        formats = ", ".join(decoder.title for decoder in decoders)
        raise ImageError(
            file.where,
            "a file that is no image of these formats",
            f"one of: {formats}",
            "Convert it without loss, or leave it out.",
        )
    return decoder


def _damaged(file: ImageFile, decoder: Decoder, error: Exception) -> ImageError:
    said = " ".join(str(error).split())[:100] or type(error).__name__
    if isinstance(error, NotImplementedError):
        remedy = "Convert it without loss, or leave it out with --skip-unreadable."
        return ImageError(file.where, f"a kind of {decoder.title} that is not read ({said})", "another kind", remedy)
    if "BytesIO" in said:  # Pillow names the buffer in memory, which tells nobody anything
        said = "its header cannot be read"
    return ImageError(
        file.where,
        f"a damaged or truncated image ({decoder.title}: {said})",
        "a whole image",
        "Copy the file again from its origin, or leave it out with --skip-unreadable.",
    )
