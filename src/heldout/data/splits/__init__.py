"""Which images are for training, validation and test: one way of drawing a split a file."""

from heldout.data.splits._folds import cross_validation, fold_splits, whole_split
from heldout.data.splits._limit import limit_per_class
from heldout.data.splits._make import make_split, split_methods
from heldout.data.splits.split_method import Draw, SplitMethod

__all__ = [
    "Draw",
    "SplitMethod",
    "cross_validation",
    "fold_splits",
    "limit_per_class",
    "make_split",
    "split_methods",
    "whole_split",
]
