"""Archives: what is in them is checked before anything is written, and extracted to the cache once."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from heldout.claims import claim_of, hold
from heldout.data.entries import Draft, Layout, Reader, split_named
from heldout.data.readers.folder import FolderReader
from heldout.data.readers.npy import NpyReader
from heldout.data.readers.npz import NpzReader
from heldout.data.readers.split_tables import SplitTablesReader
from heldout.data.readers.walk import HIDDEN
from heldout.errors import HeldoutError, InputError, Problem
from heldout.files import cache_folder, whole_folder
from heldout.progress import Reporter

MOST_FILES = 2_000_000
"""More files than any published set of images has."""

MOST_RATIO = 1032
"""Deflate cannot make a file smaller than by this factor (zlib's manual): one that claims more is no honest archive."""

LONGEST_NAME = 255
"""Bytes of a name of a file or folder at most (NAME_MAX of ext4, XFS, APFS; NTFS has 255 characters)."""

BLOCK = 1 << 20

OWN = "Unpack it yourself if you trust it, and give the folder."


@dataclass(frozen=True)
class Member:
    """A file in an archive, as the archive says.

    Attributes:
        name: Its path.
        size: Bytes.
        plain: Whether it is a file, and no link or device.
    """

    name: str
    size: int
    plain: bool = True

    @property
    def path(self) -> str:
        """Its path with slashes, whatever system wrote it."""
        return self.name.replace("\\", "/")


class CutOffError(ValueError):
    """A file in an archive is longer or shorter than the archive says."""


def harm_in(archive: str, members: Sequence[Member]) -> list[Problem]:
    """Everything that an archive of images does not do.

    Args:
        archive: Its name.
        members: All that are no folders.
    """
    problems = []
    if len(members) > MOST_FILES:
        problems.append(Problem(archive, f"{len(members):,} files", f"{MOST_FILES:,} files at most", OWN))
    seen: set[str] = set()
    for member in members:
        where = f"{archive} [{member.name}]"
        parts = PurePosixPath(member.path).parts
        if ".." in parts or member.path.startswith("/") or ":" in (parts[0] if parts else ""):
            problems.append(Problem(where, "a path that leads out of the archive", "paths inside it", OWN))
        elif not member.plain:
            problems.append(Problem(where, "a link or device", "plain files", OWN))
        elif any(len(part.encode(errors="surrogateescape")) > LONGEST_NAME for part in parts):
            problems.append(Problem(where, "a name that is too long", f"names of {LONGEST_NAME} bytes at most", OWN))
        elif str(PurePosixPath(member.path)) in seen:
            problems.append(Problem(where, "a path that stands in it twice", "every path once", OWN))
        seen.add(str(PurePosixPath(member.path)))
    both = seen & {str(parent) for path in seen for parent in PurePosixPath(path).parents}
    expected = "each path as one of them"
    problems += [
        Problem(f"{archive} [{path}]", "a file and a folder of one name", expected, OWN) for path in sorted(both)
    ]
    return problems


def extract(
    archive: str,
    contents: Iterable[tuple[Member, IO[bytes]]],
    members: Sequence[Member],
    folder: Path,
    reporter: Reporter,
) -> None:
    """Write the files of an archive, unless another process did.

    Args:
        archive: Its name.
        contents: What `harm_in` let through, and the bytes of each.
        members: The same without their bytes.
        folder: Where; it appears when all is written.
        reporter: Is told of every file.

    Raises:
        CutOffError: A file is longer or shorter than the archive says.
        HeldoutError: There is no room for all of it.
    """
    with hold(claim_of(folder)):
        if folder.is_dir():  # another process may just have extracted it
            return
        _refuse_without_room(archive, sum(member.size for member in members), folder.parent)
        reporter.begin("Extracting", len(members))
        with whole_folder(folder) as temporary:
            for member, content in contents:
                place = temporary / member.path
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("wb") as target:
                    left = member.size
                    while block := content.read(min(BLOCK, left + 1)):
                        left -= len(block)
                        if left < 0:
                            break
                        target.write(block)
                if left:
                    raise CutOffError(f"{member.name} is {'longer' if left < 0 else 'shorter'} than it says")
                reporter.step()
        reporter.end()


def _refuse_without_room(archive: str, needed: int, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(place).free
    if needed > free:
        raise HeldoutError(
            f"Found {needed / 1e9:.1f} GB in {archive}, and {free / 1e9:.1f} GB of room in {place}; expected "
            f"room for all of it. Free some, or set HELDOUT_CACHE to a folder on another disk."
        )


def place_of(path: Path, key: str) -> Path:
    """Where the files of an archive lie, by a key of its content."""
    return cache_folder() / "archives" / f"{path.name.partition('.')[0]}-{key}"


def unreadable(path: Path, expected: str, error: Exception) -> InputError:
    """The refusal of a damaged archive."""
    found = f"an archive that cannot be read ({str(error)[:100]})"
    return InputError([Problem(path.name, found, expected, "Download it again, or unpack it yourself.")])


def read_extracted(name: str, folder: Path, layout: Layout, reporter: Reporter) -> Draft:
    """The images of a folder that an archive was extracted in.

    Args:
        name: Short name of the cohort.
        folder: Where.
        layout: What a person said; `--images` is a folder inside the archive.
        reporter: Is told of progress.
    """
    inside = _alone(folder)
    if layout.images:
        layout = Layout(str(inside / layout.images), layout.path_column, layout.label_column, layout.ignore)
    reader, place = _reader_of(inside)
    draft = reader.read_as(str(place), layout, reporter)
    notes = (f"The archive is extracted in {folder}.", *draft.notes)
    return Draft(name, draft.root, draft.entries, draft.problems, draft.classes, notes, draft.keeps_further)


def _reader_of(folder: Path) -> tuple[Reader, Path]:
    """What reads a folder, or the one file in it."""
    npz = [path for path in sorted(folder.iterdir()) if path.suffix.lower() == ".npz"]
    if len(npz) == 1 and len(list(folder.iterdir())) == 1:
        return NpzReader(), npz[0]
    fitting = (reader for reader in (NpyReader(), SplitTablesReader()) if reader.accepts(str(folder)))
    return next(fitting, FolderReader()), folder


def _alone(folder: Path) -> Path:
    """The innermost folder of those that hold nothing but one folder."""
    while True:
        inside = [path for path in folder.iterdir() if not path.name.startswith(HIDDEN)]
        if len(inside) != 1 or not inside[0].is_dir() or split_named(inside[0].name):
            return folder
        folder = inside[0]
