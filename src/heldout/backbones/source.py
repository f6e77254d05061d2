"""What a source of weights is: one file, bound to `SOURCE`; it lists its weights cheaply and builds them on demand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from heldout.backbones.constructor import Constructor
from heldout.backbones.table import Entry, table
from heldout.errors import HeldoutError
from heldout.files import sha256_of

if TYPE_CHECKING:
    from torch import Tensor, nn

Stages = list[tuple[str, "nn.Module"]]
"""Stages of a trunk in order, without the `input` stage."""


class DownloadError(Exception):
    """Why weights could not be downloaded; `Source.fetch` tells the person which file to put where."""


class Source(ABC):
    """Base of all sources. Importing a source must not import torch; its methods below the line may.

    Attributes:
        name: In front of the colon of a full name.
        rank: Short names are looked up in sources of lower rank first. Ours have 0 to 5.
        library: Distribution whose version its rows in the table belong to; empty if they belong to none.
        for_files: Whether a file of a person's own (`file:PATH@ARCHITECTURE`) may be of one of its architectures.
    """

    name: ClassVar[str]
    rank: ClassVar[int] = 100
    library: ClassVar[str] = ""
    for_files: ClassVar[bool] = True

    def entries(self) -> tuple[Entry, ...]:
        """Its rows of the catalogue; a source that brings its own rows overrides this."""
        return tuple(entry for entry in table().entries if entry.info.source == self.name)

    def parse(self, rest: str) -> Entry | None:
        """An entry for a name that no row has (`file:PATH@ARCH`), or None where this source knows none such."""
        return None

    @abstractmethod
    def here(self, entry: Entry) -> Path | None:
        """The weights file, if it is on this machine."""

    def stored(self, entry: Entry) -> Path | None:
        """Where a file given by hand is kept, or None where this source takes none."""
        return None

    # ---- torch from here on ----

    def listed(self, known: Mapping[str, Entry]) -> Iterator[Entry]:
        """Its rows, read from the installed library.

        Args:
            known: Rows by name whose computed figures hold as long as architecture, classes and input size are equal.
        """
        return iter(())

    def fetch(self, entry: Entry) -> Path:
        """The weights file, downloaded where it is not here.

        Raises:
            HeldoutError: It cannot be had; the text says which file to put where.
        """
        found = self.here(entry)
        if found is not None:
            return found
        try:
            return self.download(entry)
        except DownloadError as error:
            raise HeldoutError(_not_here(entry, self.stored(entry), str(error))) from error

    def digest(self, entry: Entry) -> str:
        """First 16 hexadecimal digits of SHA-256 of the weights file, downloaded where it is not here.

        Raises:
            HeldoutError: It cannot be had; the text says which file to put where.
        """
        return sha256_of(self.fetch(entry))[:16]

    def download(self, entry: Entry) -> Path:
        """The weights file, got from elsewhere; asked for where it is not here.

        Raises:
            DownloadError: It cannot be had; the reason, without a full stop.
            HeldoutError: Likewise, with a text of its own that says what to do.
        """
        raise DownloadError("this source downloads nothing")

    @abstractmethod
    def model(self, entry: Entry, image_size: int) -> nn.Module:
        """The library's model with its original classifier and random weights."""

    @abstractmethod
    def trunk(self, entry: Entry, image_size: int, weights: Path | None) -> nn.Module:
        """The library's model with the weights in it (random without a file) and its classifier taken off.

        Raises:
            InputError: The file does not fit the architecture.
            RuntimeError, ValueError, TypeError, AssertionError: The library's own, for a size it cannot take.
        """

    @abstractmethod
    def features(self, entry: Entry, trunk: nn.Module, images: Tensor) -> Tensor:
        """Pooled features by the library's own forward pass: what the stages must give."""

    @abstractmethod
    def stages(self, entry: Entry, trunk: nn.Module) -> Stages:
        """The trunk cut into stages whose composition is the trunk's own forward pass."""

    def constructor(self, entry: Entry, image_size: int, classes: int, channels: int) -> Constructor | None:
        """How the library itself makes the network with a classifier for so many classes; None where it cannot.

        Args:
            entry: Which weights.
            image_size: Side of its input in pixels.
            classes: Number of classes.
            channels: Of its input.
        """
        return None

    @abstractmethod
    def state(self, entry: Entry, file: Path) -> dict[str, Tensor]:
        """Tensors of a weights file under the names of the architecture, read without unpickling code."""


def _not_here(entry: Entry, place: Path | None, reason: str) -> str:
    """What to do about weights that are not here: which file to put where, if the source takes one."""
    name = entry.info.name
    origin = entry.url or (f"{entry.file} of the model-hub repository {entry.hub}" if entry.hub else "its publisher")
    lines = [
        f"The weights {name} are not on this machine and could not be downloaded: {reason}.",
        f"Expected: the file {entry.file or place or 'with the weights'}, from {origin}.",
    ]
    if place is not None:
        # The full name: a short one may mean another source's weights.
        add = f"run `heldout weights add {name} FILE`, or put it at {place}."
        lines.append(f"Fetch it on a machine with a network, then {add}")
    return "\n".join(lines)
