"""What a reader is: it names the images of one kind of source; everything common to all sources is done elsewhere."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar
from unicodedata import normalize

from heldout.errors import Problem, UsageError
from heldout.progress import Reporter


def composed(name: str) -> str:
    """A name as it is compared: composed (NFC), since macOS takes `ä` apart, and without blanks at its ends.

    A folder may end in one, which people leave out.
    """
    return normalize("NFC", name.strip())  # both give the same object where nothing changes


@dataclass(frozen=True, slots=True)  # there may be a million
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
    def names(self) -> tuple[str, ...]:
        """The class, or all labels; none where neither is known."""
        return self.labels if self.labels is not None else (self.label,) * bool(self.label)

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
class Layout:
    """What a person said of how DATA is laid out; empty where nothing was said.

    Attributes:
        images: Folder in which the images of a table lie.
        path_column: Column of a table that names the image, by path, name or id.
        label_column: Column of a table that holds the class; or several, separated by commas, of 0 and 1.
        ignore: Patterns of files and folders to leave out, such as `*_mask*`.
    """

    images: str = ""
    path_column: str = ""
    label_column: str = ""
    ignore: tuple[str, ...] = ()

    def options(self) -> dict[str, str]:
        """Option of the command line -> value, of those that were given."""
        given = {
            "images": self.images,
            "path-column": self.path_column,
            "label-column": self.label_column,
            "ignore": ",".join(self.ignore),
        }
        return {name: value for name, value in given.items() if value}

    def ignores(self, source: str) -> bool:
        """Whether a pattern fits a path (relative to DATA, forward slashes) or the name of a file or folder in it."""
        return any(
            fnmatchcase(source, pattern) or any(fnmatchcase(part, pattern) for part in source.split("/"))
            for pattern in self.ignore
        )


AS_FOUND = Layout()
"""Nothing was said."""


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
    """

    name: str
    root: Path
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    keeps_further: bool = True


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

    def read_as(self, data: str, layout: Layout, reporter: Reporter) -> Draft:
        """Name the images of DATA as a person says that it is laid out; `ignore` is heeded by `load` as well.

        Raises:
            UsageError: Something was said of a table, and this reader reads none.
            HeldoutError: As for `read`.
        """
        refuse_columns(layout, self.title)
        return self.read(data, reporter)


def refuse_columns(layout: Layout, title: str) -> None:
    """Stop where columns or a folder of images are named for DATA that is no table.

    Raises:
        UsageError: They are.
    """
    given = [f"--{name}" for name in layout.options() if name != "ignore"]
    if given:
        raise UsageError(f"Found {', '.join(given)} beside {title}; expected it with a table (.csv, .tsv, .parquet).")


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


_PART = re.compile(
    rf"(?:images?|imgs?|data|set)?({'|'.join(SPLIT_NAMES)})(?:images?|imgs?|pictures?|data|dataset|sets?|folder|split)*"
)


def split_named(text: str) -> str:
    """`Validation`, `Training_set`, `test images` -> `val`, `train`, `test`; empty if the text names no part."""
    match = _PART.fullmatch(re.sub(r"[\s_.-]+", "", text).lower())
    return SPLIT_NAMES[match[1]] if match else ""


def some(values: Sequence[str], shown: int = 3) -> str:
    """`a, b, c and 4 more`."""
    more = len(values) - shown
    return ", ".join(values[:shown]) + (f" and {more:,} more" if more > 0 else "")
