"""One image file, whatever its format: the decoder is chosen by its first bytes, and any failure has one shape."""

from __future__ import annotations

from pathlib import Path

from PIL import UnidentifiedImageError

from heldout.errors import HeldoutError
from heldout.images.decoded import Decoded
from heldout.images.decoders import Decoder, decoder_for, decoder_of, every_decoder
from heldout.images.errors import ImageError
from heldout.images.memory import one_image
from heldout.images.opened import ImageFile, open_file

IMAGE_SUFFIXES = frozenset(
    {
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".webp"),
        *(".jp2", ".j2k", ".jpx", ".j2c", ".dcm", ".dicom", ".ima", ".nii", ".nii.gz"),
        *(".svs", ".ndpi", ".scn", ".lsm", ".qptiff", ".czi", ".lif", ".nd2"),
        *(".mrxs", ".vms", ".vmu", ".bif"),
    }
)
"""Endings of the formats of this package, as its decoders have them (a test holds both alike); `is_image_file` knows
those of other packages too."""

NAMED_BY_CONTENT = ("dicom",)
"""Formats whose files often have no ending; they are told by their first bytes, where a name has none."""


def is_image_file(path: Path) -> bool:
    """Whether a file of a folder is an image: by its ending; without one, or with a number for one, as DICOM if it is.

    Args:
        path: The file. It is opened only if its name says nothing.
    """
    name = path.name.lower()
    if path.suffix.lower() in IMAGE_SUFFIXES or name.endswith(".nii.gz"):
        return True
    if path.suffix and not path.suffix[1:].isdecimal():
        return any(name.endswith(decoder.suffixes) for decoder in every_decoder())
    try:
        found = decoder_of(open_file(path).head)
    except ImageError:
        return False
    return found is not None and found.name in NAMED_BY_CONTENT


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
        with one_image():
            return decoder.decode(file, member, row)
    except ImageError:
        raise
    except HeldoutError as error:
        raise _not_installed(file, decoder, error) from error
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
    except HeldoutError as error:
        raise _not_installed(file, decoder, error) from error
    except Exception as error:
        raise _damaged(file, decoder, error) from error


def _chosen(file: ImageFile) -> Decoder:
    decoder = decoder_for(file)
    if decoder is None:
        formats = ", ".join(decoder.title for decoder in every_decoder())
        raise ImageError(
            file.where,
            "a file that is no image of these formats",
            f"one of: {formats}",
            "Convert it without loss, or leave it out.",
        )
    return decoder


def _not_installed(file: ImageFile, decoder: Decoder, error: HeldoutError) -> ImageError:
    return ImageError(file.where, f"a file of {decoder.title}", "a format whose library is installed", str(error))


def _damaged(file: ImageFile, decoder: Decoder, error: Exception) -> ImageError:
    unnamed = isinstance(
        error, UnidentifiedImageError
    )  # its text names a buffer in memory, which tells nobody anything
    said = "its header cannot be read" if unnamed else " ".join(str(error).split())[:160] or type(error).__name__
    if isinstance(error, NotImplementedError):
        remedy = "Convert it without loss."
        return ImageError(file.where, f"a kind of {decoder.title} that is not read ({said})", "another kind", remedy)
    return ImageError(
        file.where,
        f"a damaged or truncated image ({decoder.title}: {said})",
        "a whole image",
        "Copy the file again from its origin.",
    )
