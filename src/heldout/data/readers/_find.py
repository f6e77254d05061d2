"""Image files by what tables call them: a path, the name of a file, or an id without ending."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from unicodedata import normalize

from heldout.data.entries import AS_FOUND, Layout
from heldout.data.readers.walk import Walked, walk
from heldout.images import IMAGE_SUFFIXES

MOST_FILES = 500_000
"""Files among which those of a table are looked for: a table may lie beside everything that somebody has."""


@dataclass(frozen=True)
class Place:
    """Where an image lies that a table names.

    Attributes:
        source: Its file relative to the folder, or absolute; as the table calls it if there is none.
        how: `path` if it is what the table says, `below` if it was found by its name or id, empty if it was not found.
        others: Further files that it could be just as well.
    """

    source: str
    how: str = ""
    others: tuple[str, ...] = ()


class Finder:
    """The image files below a folder; it is only walked once a path does not lead to a file.

    Args:
        folder: Where the images lie.
        layout: What to leave out.
    """

    def __init__(self, folder: Path, layout: Layout = AS_FOUND) -> None:
        self.folder = folder
        self._layout = layout

    def find(self, text: str) -> Place:
        """The file that a table calls so; names are compared composed (NFC)."""
        plain = as_path(text)
        if _is_there(self.folder / plain):
            return Place(plain, "path")
        wanted = normalize("NFC", plain)
        name = wanted.rpartition("/")[2]
        if not name:
            return Place(plain)
        suffix = PurePath(name).suffix.lower()
        near = self.by_name.get(name, []) if suffix in IMAGE_SUFFIXES else self.by_stem.get(name, [])
        if suffix in IMAGE_SUFFIXES and wanted in self._composed:
            return Place(self._composed[wanted], "path")
        ends = f"/{wanted}"
        exact = [source for source in near if f"/{_without_suffix(normalize('NFC', source), suffix)}".endswith(ends)]
        fitting = exact or near
        if len(fitting) == 1:
            return Place(fitting[0], "below")
        return Place(plain, "", tuple(fitting))

    @cached_property
    def _walked(self) -> Walked:
        return walk(self.folder, self.folder, self._layout, MOST_FILES)

    @property
    def cut_short(self) -> bool:
        """Whether there are more files than are looked at."""
        return self._walked.left is not None and self._walked.left < 0

    @cached_property
    def files(self) -> list[str]:
        """All image files below the folder, relative to it."""
        return [path.relative_to(self.folder).as_posix() for path in self._walked.images]

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """Name of a file (NFC) -> the files that are called so."""
        return self._indexed(False)

    @cached_property
    def by_stem(self) -> dict[str, list[str]]:
        """Name without ending (NFC) -> the files that are called so."""
        return self._indexed(True)

    @cached_property
    def _composed(self) -> dict[str, str]:
        """Path (NFC) -> the path as the disk has it."""
        return {normalize("NFC", source): source for source in self.files}

    def _indexed(self, stem: bool) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for source in self.files:
            name = normalize("NFC", source.rpartition("/")[2])
            found[name.rpartition(".")[0] if stem else name].append(source)
        return dict(found)


def _without_suffix(source: str, wanted: str) -> str:
    """The path as an id would end it: without ending unless an ending of images is asked for."""
    return source if wanted in IMAGE_SUFFIXES else source.rpartition(".")[0]


def _is_there(path: Path) -> bool:
    try:
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):  # a name that is too long, or holds what no name may
        return False


def as_path(text: str) -> str:
    r"""A path with forward slashes, and without `.` and `..` in it: `.\a\b.png` -> `a/b.png`.

    Windows writes backslashes; `./a.png` and `a.png` are the same file, and must count as listed twice.
    """
    return PurePath(os.path.normpath(text.replace("\\", "/"))).as_posix()
