"""What was measured of files that have not changed since: a second command on the same data decodes none.

A file is known by its path, size, times of change and number in the file system. What was changed within the last
seconds before it was read is not remembered: a change in the same tick would not be seen. Nor are images whose files
name a patient, a site or anything else: that stays out of the cache.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.array_files import release_pages
from heldout.data.entries import Entry
from heldout.data.examine.thumbnails import Thumbnails
from heldout.errors import InputError
from heldout.files import cache_folder, hash_of
from heldout.records.table_file import load_pieces, save_pieces

FORMAT = 2
"""Part of the file's name: raised whenever the same file would be measured otherwise."""

SETTLED = 2_000_000_000
"""Nanoseconds that a file has to be older than its reading: some file systems count in steps of two seconds."""

SIDE = 64
"""Side of the thumbnails (`images.copies.SIDE`)."""

PIECE = 8192
"""Images whose thumbnails are read or written at a time."""

COLUMNS = ("source", "member", "row", "stamp", "measured", "small")

Stamp = str


@dataclass(frozen=True)
class Known:
    """What is remembered of one image.

    Attributes:
        measured: What was measured, as JSON.
        small: (64, 64) thumbnail.
    """

    measured: str
    small: NDArray[np.uint8]


@dataclass
class Memory:
    """What is remembered of the images under one folder.

    Attributes:
        root: The folder that sources are relative to.
        verify: Whether every file is read all the same.
    """

    root: Path
    verify: bool = False
    _known: dict[tuple[str, str, int], tuple[Stamp, Known]] = field(default_factory=dict)
    _stamps: dict[str, Stamp] = field(default_factory=dict)
    _new: int = 0

    @classmethod
    def of(cls, root: Path, verify: bool, thumbnails: Thumbnails) -> Memory:
        """What earlier commands left; nothing where that cannot be read. Thumbnails go where others are kept."""
        memory = cls(root, verify)
        if verify:
            return memory
        files: dict[str, str] = {}  # the images of an array share the name of its file, and its stamp
        try:
            for piece in load_pieces(memory.file, PIECE):
                for source, member, row, stamp, measured, small in zip(*(piece[name] for name in COLUMNS), strict=True):
                    if row >= 0:
                        source, stamp = files.setdefault(source, source), files.setdefault(stamp, stamp)
                    pixels = thumbnails.keep(np.frombuffer(small, dtype=np.uint8).reshape(SIDE, SIDE))
                    memory._known[source, member, int(row)] = stamp, Known(measured, pixels)
        except (InputError, KeyError, ValueError, TypeError):
            memory._known.clear()
        return memory

    @property
    def file(self) -> Path:
        """Where it is kept, in the user's cache."""
        return cache_folder() / "measured" / f"{hash_of([FORMAT, str(self.root)], 16)}.parquet"

    def find(self, entry: Entry) -> Known | None:
        """What is remembered of an image whose file is as it was; None where nothing is."""
        now = self._stamp(entry.source)  # before the file is read, if it has to be
        stamp, known = self._known.get((entry.source, entry.member, entry.row), ("", None))
        return known if known is not None and stamp == now else None

    def keep(self, entry: Entry, known: Known, read_at: int) -> None:
        """Remember an image.

        Args:
            entry: The image.
            known: What was measured.
            read_at: When, before its file was opened, in nanoseconds since 1970.
        """
        stamp = self._stamp(entry.source)
        if stamp and max(map(int, stamp.split()[1:3])) + SETTLED < read_at:
            self._known[entry.source, entry.member, entry.row] = stamp, known
            self._new += 1

    def _stamp(self, source: str) -> Stamp:
        """Size, times and number of a file as they were when this command first asked; empty where there is none."""
        if source not in self._stamps:
            try:
                place = os.path.join(self.root, source)  # noqa: PTH118  (thousands of them: no `Path` for each)
                found = os.stat(place)  # noqa: PTH116
                times = f"{found.st_mtime_ns} {found.st_ctime_ns}"
                self._stamps[source] = f"{found.st_size} {times} {found.st_ino} {found.st_dev}"
            except (OSError, ValueError):  # ValueError: a name with a null byte, which reading it will say
                self._stamps[source] = ""
        return self._stamps[source]

    def save(self) -> None:
        """Write down what is new; a cache that cannot be written is none, and nothing else is wrong."""
        if not self._new:
            return
        try:
            save_pieces(self._pieces(), self.file)
        except OSError:
            return

    def _pieces(self) -> Iterator[pd.DataFrame]:
        known_ones = iter(self._known.items())
        while some := list(islice(known_ones, PIECE)):
            rows = [(*key, stamp, known.measured, known.small.tobytes()) for key, (stamp, known) in some]
            for _, (_, known) in (some[0], some[-1]):  # neighbours lie in one file
                release_pages(known.small)
            yield pd.DataFrame(rows, columns=list(COLUMNS))


def now() -> int:
    """Nanoseconds since 1970."""
    return time.time_ns()
