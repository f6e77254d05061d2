"""What a format of exported files is: one file in `formats/`, bound to `FORMAT`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from heldout.images import Decoded
from heldout.records.export import Inside

if TYPE_CHECKING:
    from heldout.exporting.exportable import Exportable

Ask = Callable[[Decoded, str], NDArray[np.float64]]
"""An image as its file has it, and how to name it -> probabilities (k,)."""

WHOLE: tuple[Inside, ...] = (
    "intensity",
    "channels",
    "resizing",
    "normalisation",
    "network",
    "calibration",
    "probabilities",
)
"""All that a graph can hold."""


@dataclass(frozen=True)
class Written:
    """A file that was written.

    Attributes:
        inside: Steps that the file does itself.
        outputs: Names of what it answers.
        runtime: What wrote it and what reads it: name -> version.
        constructor: Of a state dict the call whose network takes it; else empty.
    """

    inside: tuple[Inside, ...] = WHOLE
    outputs: tuple[str, ...] = ("probabilities", "logits")
    runtime: Mapping[str, str] = field(default_factory=dict)
    constructor: str = ""


class Format(ABC):
    """Base of all formats. Importing one must import neither torch nor an extra; its methods may.

    Attributes:
        name: By which it is asked for.
        suffix: Of its files, with the dot; a file of that ending is of this format.
        eight_bit: Whether it can be written in 8-bit whole numbers.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    eight_bit: ClassVar[bool] = False

    def check(self, eight_bit: bool) -> None:
        """See that all is installed that writing and reading need, before anything is done.

        Raises:
            HeldoutError: It is not; the text says how to get it.
        """
        return

    @abstractmethod
    def write(self, run: Exportable, path: Path, about: Mapping[str, str]) -> Written:
        """Write the file.

        Args:
            run: What to export.
            path: Where; its folder is there.
            about: Name -> text to keep in the file's metadata.

        Raises:
            HeldoutError: The run cannot be had in this format; says why.
        """

    @abstractmethod
    def asked(self, run: Exportable, path: Path) -> Ask:
        """The file, read back by what reads such files, and ready to be asked.

        Args:
            run: What was exported, to prepare images where the file does not.
            path: The file.
        """

    def shrink(self, run: Exportable, path: Path, images: Sequence[tuple[str, Decoded]]) -> None:
        """Turn a written file into one of 8-bit whole numbers.

        Args:
            run: What was exported.
            path: The file, which is replaced.
            images: Training images, from which ranges of activations are taken: how to name them, and they.
        """
        raise NotImplementedError
