"""Pixels without torch: reading what can be read faithfully, refusing the rest, fingerprints, fitting to a square."""

from heldout.images.arrays import check_pixels, close_arrays, open_archive, open_array, release_arrays
from heldout.images.decoded import Decoded
from heldout.images.errors import ImageError, SeveralImagesError
from heldout.images.files import IMAGE_SUFFIXES, count_images, is_image_file
from heldout.images.fingerprints import content_hash
from heldout.images.fitting import fit_square
from heldout.images.reading import decode, eight_bits, quietly, read_pixels

__all__ = [
    "IMAGE_SUFFIXES",
    "Decoded",
    "ImageError",
    "SeveralImagesError",
    "check_pixels",
    "close_arrays",
    "content_hash",
    "count_images",
    "decode",
    "eight_bits",
    "fit_square",
    "is_image_file",
    "open_archive",
    "open_array",
    "quietly",
    "read_pixels",
    "release_arrays",
]
