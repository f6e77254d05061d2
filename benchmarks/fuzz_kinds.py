"""What the fuzz damages: a kind of file, with a whole example of it and how a command reads it.

A reader gives what a person would be told, and the numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Rng = np.random.Generator

Found = tuple[list[str], object]
"""What a person is told, and the numbers."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: What it is called.
        example: What it is part of; kinds of one example share it.
        make: Writes the whole example into an empty folder.
        pattern: Which of its files are damaged, one at a time.
        read: Reads the example as a command would.
        sure: Whether the file, or a record of ours, holds a checksum of what is read, so that other numbers are damage
            that passed for data. Of other files nobody can know: another pixel is another image.
    """

    name: str
    example: str
    make: Callable[[Path], object]
    pattern: str
    read: Callable[[Path], Found]
    sure: bool = False
