"""What a decoder is: one format, told by the first bytes of a file, and turned into an array with its meaning."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from heldout.images.decoded import Decoded
from heldout.images.opened import ImageFile


class Decoder(ABC):
    """Base of all decoders. A subclass lives in a file of its own, and one instance of it is bound to `DECODER`.

    The class docstring is its manual entry: what of the format is read, and what is refused with which reason.

    Attributes:
        name: Short name of the format.
        title: Its name as people write it.
        suffixes: Endings of its files, by which a folder's images are told from other files; content decides.
        extra: Extra of this package that installs what it needs; empty if nothing more is needed.
        depths: What of it is read, for the table of the manual.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    extra: ClassVar[str] = ""
    depths: ClassVar[str] = "8 bits"

    @abstractmethod
    def takes(self, head: bytes) -> bool:
        """Whether a file that begins so is of this format; cheap, and true for at most one decoder.

        Args:
            head: The first bytes of the file, at most `heldout.images.opened.HEAD`.
        """

    def claims(self, file: ImageFile) -> bool:
        """Whether a file is of this format though its first bytes are those of another: by more than `takes` is given.

        Args:
            file: The file.
        """
        return False

    def count(self, file: ImageFile, member: str = "") -> int:
        """Number of images in the file, or in one member of it, by its header alone.

        Raises:
            Exception: Whatever the library raises for a damaged file.
        """
        return 1

    @abstractmethod
    def decode(self, file: ImageFile, member: str = "", row: int = -1) -> Decoded:
        """One image.

        Args:
            file: The file.
            member: Part of the file, where the format has several: a level, a scene.
            row: Which image of several, from 0; −1 for the only one.

        Raises:
            SeveralImagesError: There are several and no row.
            ImageError: It cannot be read faithfully, with the reason.
            Exception: Whatever the library raises for a damaged file; `heldout.images.decode` makes it an `ImageError`.
        """
