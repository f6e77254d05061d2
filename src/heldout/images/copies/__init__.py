"""Changed copies: pairs of images that show one picture, up to the eight symmetries, small moves, light and files.

`find_copies` looks for them among small grey thumbnails (`small_grey`): spectra that do not change with place are
searched for neighbours, each candidate is laid over the other, and what agrees block by block is a copy.
"""

from heldout.images.copies.changes import describe
from heldout.images.copies.find import FORMAT, MOST_IMAGES, FoundCopies, find_copies
from heldout.images.copies.groups import numbered
from heldout.images.copies.small import SIDE, small_grey

__all__ = ["FORMAT", "MOST_IMAGES", "SIDE", "FoundCopies", "describe", "find_copies", "numbered", "small_grey"]
