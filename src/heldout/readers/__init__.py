"""What DATA may be: one kind of source a file; what is common to all of them is done once, here."""

from heldout.readers._duplicates import Copies, exact_copies
from heldout.readers._load import Examined, examine, load, readers
from heldout.readers._memory import cohort_of_arrays
from heldout.readers._reader import Draft, Entry, Reader, split_named

__all__ = [
    "Copies",
    "Draft",
    "Entry",
    "Examined",
    "Reader",
    "cohort_of_arrays",
    "exact_copies",
    "examine",
    "load",
    "readers",
    "split_named",
]
