"""A `.zip` file: extracted to the cache once, and then read as the folder that it holds."""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import ClassVar

from heldout.claims import claim_of, hold
from heldout.data.entries import AS_FOUND, Draft, Layout, Reader, split_named
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

BLOCK = 1 << 20

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
        folder = extracted(Path(data).resolve(), reporter)
        inside = _alone(folder)
        if layout.images:
            layout = Layout(str(inside / layout.images), layout.path_column, layout.label_column, layout.ignore)
        reader, place = _reader_of(inside)
        draft = reader.read_as(str(place), layout, reporter)
        notes = (f"The archive is extracted in {folder}.", *draft.notes)
        return Draft(
            Path(data).stem, draft.root, draft.entries, draft.problems, draft.classes, notes, draft.keeps_further
        )


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
            members = [member for member in archive.infolist() if not member.is_dir()]
            _refuse(path, members)
            content = "\n".join(f"{member.filename} {member.file_size} {member.CRC}" for member in members)
            name = f"{path.stem}-{hashlib.sha256(content.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
            folder = cache_folder() / "archives" / name
            if not folder.is_dir():
                with hold(claim_of(folder)):
                    if not folder.is_dir():  # another process may just have extracted it
                        _extract(path, archive, members, folder, reporter)
            return folder
    except (zipfile.BadZipFile, EOFError, NotImplementedError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        found = f"an archive that cannot be read ({str(error)[:100]})"
        raise InputError([Problem(path.name, found, EXPECTED, "Download it again, or unpack it yourself.")]) from error


def _refuse(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Everything that an archive of images does not do; all at once.

    Raises:
        InputError: It does.
    """
    problems = []
    own = "Unpack it yourself if you trust it, and give the folder."
    if len(members) > MOST_FILES:
        problems.append(Problem(path.name, f"{len(members):,} files", f"{MOST_FILES:,} files at most", own))
    for member in members:
        where = f"{path.name} [{member.filename}]"
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if ".." in parts or member.filename.startswith(("/", "\\")) or ":" in (parts[0] if parts else ""):
            problems.append(Problem(where, "a path that leads out of the archive", "paths inside it", own))
        elif stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            problems.append(Problem(where, "a link or device", "plain files", own))
        elif member.flag_bits & 1:
            problems.append(Problem(where, "an encrypted file", EXPECTED, "Unpack it yourself, with its password."))
        elif member.file_size > MOST_RATIO * max(member.compress_size, 1):
            found = f"{member.file_size:,} bytes packed into {member.compress_size:,}"
            problems.append(Problem(where, found, f"a ratio of at most {MOST_RATIO}", own))
    if problems:
        raise InputError(problems, title=f"{path.name} cannot be used")


def _extract(
    path: Path, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, reporter: Reporter
) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(folder.parent).free
    if needed > free:
        raise HeldoutError(
            f"Found {needed / 1e9:.1f} GB in {path.name}, and {free / 1e9:.1f} GB of room in {folder.parent}; expected "
            f"room for all of it. Free some, or set HELDOUT_CACHE to a folder on another disk."
        )
    reporter.begin("Extracting", len(members))
    with whole_folder(folder) as temporary:
        for member in members:
            place = temporary / member.filename.replace("\\", "/")
            place.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, place.open("wb") as target:
                left = member.file_size
                while block := source.read(min(BLOCK, left + 1)):
                    left -= len(block)
                    if left < 0:
                        raise zipfile.BadZipFile(f"{member.filename} is larger than it says")
                    target.write(block)
            reporter.step()
    reporter.end()


READER = ArchiveReader()
