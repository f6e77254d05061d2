"""Which images are for training, validation and test: one way of drawing a split a file."""

from heldout.splits._limit import limit_per_class
from heldout.splits._make import make_split, ways
from heldout.splits._way import Draw, Way

__all__ = ["Draw", "Way", "limit_per_class", "make_split", "ways"]
