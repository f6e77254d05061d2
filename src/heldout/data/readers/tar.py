"""A `.tar`, `.tar.gz` or `.tgz` file: extracted to the cache once, and then read as the folder that it holds."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, ClassVar, cast

from heldout.data.entries import AS_FOUND, Draft, Layout, Reader
from heldout.data.readers._extracted import (
    BLOCK,
    MOST_FILES,
    MOST_RATIO,
    OWN,
    CutOffError,
    Member,
    extract,
    harm_in,
    place_of,
    read_extracted,
    unreadable,
)
from heldout.errors import InputError, Problem
from heldout.files import hash_of
from heldout.progress import Reporter

SUFFIXES = (".tar", ".tar.gz", ".tgz")

EXPECTED = f"a {', '.join(SUFFIXES)} file of images, as it was downloaded"

GZIP = b"\x1f\x8b"

MOST_AT_ONCE = 1 << 24
"""Bytes that are read into memory at once: long names and attributes take some thousands, and an archive may claim any
number for them."""


class TarReader(Reader):
    """A `.tar`, `.tar.gz` or `.tgz` file of any layout that may stand in a folder.

    It is extracted to `archives/` of our cache folder, once for each state of the file, under the rules for `.zip`
    files. Archives that are packed otherwise (bzip2, xz, zstd) can claim any size, and are not read.
    """

    name: ClassVar[str] = "tar"
    title: ClassVar[str] = "a .tar, .tar.gz or .tgz file that holds one of these"

    def accepts(self, data: str) -> bool:
        """A file that ends in `.tar`, `.tar.gz` or `.tgz`."""
        return data.lower().endswith(SUFFIXES) and Path(data).is_file()

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Extract the archive unless that was done, and name its images."""
        return self.read_as(data, AS_FOUND, reporter)

    def read_as(self, data: str, layout: Layout, reporter: Reporter) -> Draft:
        """Extract the archive unless that was done, and name its images as a person says.

        Raises:
            InputError: It is damaged or cut off, or would write outside its folder or more than there is room for.
        """
        path = Path(data).resolve()
        about = path.stat()
        folder = place_of(path, hash_of([str(path), about.st_size, about.st_mtime_ns, about.st_ino], 16))
        if not folder.is_dir():
            try:
                _extract(path, about.st_size, folder, reporter)
            except (tarfile.TarError, EOFError, CutOffError, gzip.BadGzipFile, zlib.error) as error:
                raise unreadable(path, EXPECTED, error) from error
        return read_extracted(path.name.partition(".")[0], folder, layout, reporter)


class _Bounded:
    """A file of which no more is read at once than an honest archive asks for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MOST_AT_ONCE:
            raise tarfile.ReadError(f"a name or an attribute of {size:,} bytes")
        self.last = self._file.read(size)
        return self.last


@contextmanager
def _opened(path: Path) -> Iterator[tuple[tarfile.TarFile, _Bounded]]:
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        bounded = _Bounded(cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw)
        with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r:", errors="surrogateescape") as archive:
            yield archive, bounded


def _extract(path: Path, size: int, folder: Path, reporter: Reporter) -> None:
    """Look at all that is in the archive, and extract it.

    Raises:
        InputError: It does what an archive of images does not do; all at once.
    """
    members, problems = _members(path, size)
    problems = [*harm_in(path.name, members), *problems]
    if problems:
        raise InputError(problems, title=f"{path.name} cannot be used")
    extract(path.name, _contents(path, members), members, folder, reporter)


def _members(path: Path, size: int) -> tuple[list[Member], list[Problem]]:
    """All files, by their headers; no further than the size that the archive can honestly have."""
    members: list[Member] = []
    total, most = 0, size * MOST_RATIO
    with _opened(path) as (archive, file):
        for info in _files(archive):
            members.append(Member(info.name, info.size, info.isreg() and not info.issparse()))
            total += info.size
            if total > most or len(members) > MOST_FILES:
                found = f"{total:,} bytes in {len(members):,} files, packed into {size:,}"
                return members, [Problem(path.name, found, f"a ratio of at most {MOST_RATIO}", OWN)]
        if file.last != bytes(tarfile.BLOCKSIZE):
            raise CutOffError("it is cut off: its end is missing")
        while file.tell() <= most and file.read(BLOCK):  # to the end, where gzip has its checksum
            pass
    return members, []


def _files(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """All that are no folders, of which no header is kept."""
    for info in archive:
        archive.members.clear()  # type: ignore[attr-defined]
        if not info.isdir():
            yield info


def _contents(path: Path, members: list[Member]) -> Iterator[tuple[Member, IO[bytes]]]:
    with _opened(path) as (archive, _):
        for member, info in zip(members, _files(archive), strict=True):
            content = archive.extractfile(info)
            assert content is not None  # a plain file
            yield member, content


READER = TarReader()
