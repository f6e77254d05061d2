"""What a reader is: it names the images of one kind of source; everything common to all sources is done elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from heldout.errors import Problem
from heldout.progress import Reporter


@dataclass(frozen=True)
class Entry:
    """One image that a source names, not yet read.

    Attributes:
        source: File relative to the draft's root, with forward slashes; or an absolute path.
        label: Class name, empty if missing; of an image with several labels what its source says, if anything.
        split: `train`, `val` or `test` if given, else empty.
        member: Name of the array inside an `.npz` file.
        row: Row of the array, or −1 for a file that holds one image.
        patient: Patient, empty if not known.
        site: Hospital, laboratory or device, empty if not known.
        where: How to name it to the person, if not by its file: `manifest.csv line 17`.
        extra: Further columns that `--patient COLUMN` may name.
        labels: Names of all labels that the image has, where it is not of one class; None where it is, or where nobody
            has told yet (`examine.labels`).
    """

    source: str
    label: str
    split: str = ""
    member: str = ""
    row: int = -1
    patient: str = ""
    site: str = ""
    where: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] | None = None

    @property
    def labelled(self) -> bool:
        """Whether it is known what the image shows: a class, or which labels it has, be it none."""
        return bool(self.label) or self.labels is not None

    @property
    def place(self) -> str:
        """The file, with the array and row in it: `train/normal.npy row 17`."""
        member = f" [{self.member}]" if self.member else ""
        return f"{self.source}{member}" + (f" row {self.row}" if self.row >= 0 else "")

    @property
    def shown(self) -> str:
        """The place, with the line that names it in front."""
        return f"{self.where} ({self.place})" if self.where else self.place


@dataclass(frozen=True)
class Draft:
    """What a reader found: images by name, and what is wrong with the layout itself.

    Attributes:
        name: Short name of the cohort.
        root: Absolute folder that the sources are relative to.
        entries: The images.
        problems: What only this reader can see: arrays whose lengths differ, a folder that is neither split nor class.
        classes: Class names in the order of their indices, or empty for the natural order of the labels.
        notes: Sentences a person should read.
        keeps_further: Whether further columns stay with the images. Not the latent numbers of a phantom: they are the
            truth, which nobody has of real images.
        unlabelled: Whether the source has no place for a class, so that its further columns have to tell.
    """

    name: str
    root: Path
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    keeps_further: bool = True
    unlabelled: bool = False


class Reader(ABC):
    """Base of all readers. A subclass lives in a file of its own, and one instance of it is bound to `READER`.

    The class docstring is its manual entry. A reader does not decode images, and checks nothing that holds for every
    source (listed twice, label missing, class absent from a split, unreadable images): `load` does, for all of them.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def accepts(self, data: str) -> bool:
        """Whether DATA looks like this reader's kind; cheap, and true for at most one reader."""

    @abstractmethod
    def read(self, data: str, reporter: Reporter) -> Draft:
        """Name the images of DATA.

        Raises:
            HeldoutError: Nothing can be named at all: an extra is missing, a download failed.
        """


SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What folders, arrays and manifests call the parts of a split -> what we call them."""


def split_named(text: str) -> str:
    """`Validation` -> `val`; an empty string if the text names no part of a split."""
    return SPLIT_NAMES.get(text.strip().lower(), "")
