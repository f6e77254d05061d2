"""Pixels without torch: reading what can be read faithfully, refusing the rest, fingerprints, fitting to a square."""

from heldout.images.arrays import check_pixels, close_arrays, open_archive, open_array
from heldout.images.decoded import Decoded
from heldout.images.errors import ImageError
from heldout.images.files import IMAGE_SUFFIXES, count_images, holds_image
from heldout.images.fingerprints import content_hash
from heldout.images.fitting import fit_square
from heldout.images.reading import decode, eight_bits, quietly, read_pixels

__all__ = [
    "IMAGE_SUFFIXES",
    "Decoded",
    "ImageError",
    "check_pixels",
    "close_arrays",
    "content_hash",
    "count_images",
    "decode",
    "eight_bits",
    "fit_square",
    "holds_image",
    "open_archive",
    "open_array",
    "quietly",
    "read_pixels",
]
