"""A `.zip` file: extracted to the cache once, and then read as the folder that it holds."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, ClassVar

from heldout.data.entries import AS_FOUND, Draft, Layout, Reader
from heldout.data.readers._extracted import (
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
from heldout.progress import Reporter

EXPECTED = "a .zip file of images, as it was downloaded"


class ArchiveReader(Reader):
    """A `.zip` file of any layout that may stand in a folder.

    It is extracted to `archives/` of our cache folder, once for each content; nothing is written outside of it, and
    nothing that needs more room than there is. A folder that is alone in the archive is entered.
    """

    name: ClassVar[str] = "zip"
    title: ClassVar[str] = "a .zip file that holds one of these"

    def accepts(self, data: str) -> bool:
        """A file that ends in `.zip`."""
        return Path(data).suffix.lower() == ".zip" and Path(data).is_file()

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Extract the archive unless that was done, and name its images."""
        return self.read_as(data, AS_FOUND, reporter)

    def read_as(self, data: str, layout: Layout, reporter: Reporter) -> Draft:
        """Extract the archive unless that was done, and name its images as a person says.

        Raises:
            InputError: It is damaged or encrypted, or would write outside its folder or more than there is room for.
        """
        return read_extracted(Path(data).stem, extracted(Path(data).resolve(), reporter), layout, reporter)


def extracted(path: Path, reporter: Reporter) -> Path:
    """The folder in our cache that holds the files of an archive, which are extracted if they are not there.

    Args:
        path: The archive.
        reporter: Is told of every file.

    Raises:
        InputError: As for `ArchiveReader.read_as`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            members = [
                Member(info.filename, info.file_size, stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG))
                for info in infos
            ]
            problems = [*harm_in(path.name, members), *_packing(path, infos)]
            if problems:
                raise InputError(problems, title=f"{path.name} cannot be used")
            content = "\n".join(f"{info.filename} {info.file_size} {info.CRC}" for info in infos)
            folder = place_of(path, hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()[:16])
            if not folder.is_dir():
                extract(path.name, _contents(archive, infos, members), members, folder, reporter)
            return folder
    except (zipfile.BadZipFile, EOFError, NotImplementedError, CutOffError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise unreadable(path, EXPECTED, error) from error


def _packing(path: Path, infos: list[zipfile.ZipInfo]) -> list[Problem]:
    """Files that are encrypted, or packed as no honest archive is."""
    problems = []
    for info in infos:
        where = f"{path.name} [{info.filename}]"
        if info.flag_bits & 1:
            problems.append(Problem(where, "an encrypted file", EXPECTED, "Unpack it yourself, with its password."))
        elif info.file_size > MOST_RATIO * max(info.compress_size, 1):
            found = f"{info.file_size:,} bytes packed into {info.compress_size:,}"
            problems.append(Problem(where, found, f"a ratio of at most {MOST_RATIO}", OWN))
    return problems


def _contents(
    archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], members: list[Member]
) -> Iterator[tuple[Member, IO[bytes]]]:
    for info, member in zip(infos, members, strict=True):
        with archive.open(info) as content:
            yield member, content


READER = ArchiveReader()
