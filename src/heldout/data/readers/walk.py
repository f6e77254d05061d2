"""A walk below a folder: its image files, what was passed over, and what cannot be opened."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from heldout.data.entries import AS_FOUND, Layout, some
from heldout.errors import Problem
from heldout.images import IMAGE_SUFFIXES, is_image_file

LITTER = frozenset({"thumbs.db", "desktop.ini", "icon\r", "ehthumbs.db", "readme", "license", "makefile", "notice"})
"""What operating systems leave in folders, beside hidden files; and texts that have no ending by custom."""

HIDDEN = (".", "__MACOSX", "@eaDir", "$RECYCLE.BIN")
"""How names begin of folders that nobody made: hidden ones, of macOS archives, thumbnails of a file server, Windows."""

NO_ENDING = "no ending"

DOCUMENTS = frozenset(
    {".txt", ".md", ".csv", ".tsv", ".xls", ".xlsx", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".html", ".pdf"}
    | {".doc", ".docx", ".rtf", ".log", ".py", ".ipynb", ".m", ".mat", ".r", ".sh", ".pkl", ".parquet", ".pq", ".zip"}
    | {".gz", ".tar", ".rar", ".7z", ".dvc", ".db", ".ini", ".toml", ".cfg", ".bib", ".pt", ".pth", ".ckpt", ".onnx"}
    | {".h5", ".hdf5", ".safetensors", ".mp4", ".avi", ".mov", ".wav", ".lnk", ".url", ".part"}
)
"""Endings of files beside images that are none: tables, notes, annotations, programs, archives, models, films."""


@dataclass
class Walked:
    """What lies below a folder.

    Attributes:
        images: Image files by their ending, by path.
        passed: Ending (lower case) -> files with it that are no images.
        ignored: Files and folders that a pattern leaves out.
        linked: Folders that links lead to a second time, and that were not entered again.
        dangling: Links that lead nowhere, by path, but for those that are images or documents by their ending.
        problems: Folders that cannot be opened, and those that stand in an image's place.
        left: Files that may still be looked at; None where there is no limit.
    """

    images: list[Path] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    ignored: int = 0
    linked: list[str] = field(default_factory=list)
    dangling: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left: int | None = None

    @property
    def unknown(self) -> Mapping[str, int]:
        """Those passed over that could be images of another kind."""
        return {ending: count for ending, count in self.passed.items() if ending not in DOCUMENTS}


def walk(folder: Path, root: Path, layout: Layout = AS_FOUND, most: int | None = None) -> Walked:
    """Everything below a folder; links are followed, but into no folder twice.

    Args:
        folder: Where to begin.
        root: Folder that patterns and problems name paths relative to.
        layout: What to leave out.
        most: Files that are looked at; None looks at all.
    """
    found = Walked(left=most)
    _enter(folder, root, layout, found, set())
    found.images.sort()
    return found


def _enter(folder: Path, root: Path, layout: Layout, found: Walked, entered: set[tuple[int, int]]) -> None:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in entered:
            found.linked.append(folder.relative_to(root).as_posix())
            return
        entered.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as scanned:
            inside = sorted(scanned, key=lambda entry: entry.name)
    except OSError as error:
        found.problems.append(closed(folder, root, error))
        return
    for entry in inside:
        if found.left is not None:
            found.left -= 1
            if found.left < 0:
                return
        path = folder / entry.name
        if layout.ignore and layout.ignores(path.relative_to(root).as_posix()):
            found.ignored += 1
        elif entry.is_dir():
            if not entry.name.startswith(HIDDEN):
                before = len(found.images)
                _enter(path, root, layout, found, entered)
                if path.suffix.lower() in IMAGE_SUFFIXES and len(found.images) == before and found.left is None:
                    found.problems.append(hollow(path, root))
        elif is_image(path):
            found.images.append(path)
        elif is_dangling(path):
            found.dangling.append(path.relative_to(root).as_posix())
        elif not entry.name.startswith(".") and entry.name.lower() not in LITTER:
            found.passed[path.suffix.lower() or NO_ENDING] += 1


def is_image(path: Path) -> bool:
    """Whether a file is an image (`images.is_image_file`); hidden ones (such as macOS's `._name`) are none."""
    return not path.name.startswith(".") and is_image_file(path)


def is_dangling(path: Path) -> bool:
    """Whether a link leads nowhere where images may be missed: a folder, or a file of which no ending tells the kind.

    One that is an image by its ending is an image that cannot be read; documents beside images are not missed.
    """
    plain = path.name.startswith(".") or path.name.lower() in LITTER or path.suffix.lower() in DOCUMENTS
    return not plain and path.is_symlink() and not path.exists() and not is_image(path)


def gone(links: Sequence[str]) -> Problem:
    """The problem of links that lead nowhere."""
    number = "1 link that leads" if len(links) == 1 else f"{len(links):,} links that lead"
    return Problem(
        "the links",
        f"{number} nowhere ({some(links)}), so that what they stand for is missing",
        "links to folders and files that are here",
        "Fetch them (dvc pull, git annex get), or mount the disk that they lie on; or leave them out with --ignore.",
    )


def closed(folder: Path, root: Path, error: OSError) -> Problem:
    """The problem of a folder that cannot be opened."""
    return Problem(
        f"{folder.relative_to(root).as_posix()}/",
        f"a folder that cannot be opened ({error.strerror or type(error).__name__})",
        "folders that you may read",
        "Ask for the right to read it, or leave it out with --ignore.",
    )


def hollow(folder: Path, root: Path) -> Problem:
    """The problem of a folder that is called as an image is, and holds none."""
    return Problem(
        folder.relative_to(root).as_posix(),
        "a folder without an image in it",
        "an image, as its name says",
        "Copy the image again; or leave the folder out with --ignore.",
    )


def endings(passed: Mapping[str, int]) -> str:
    """`16 with ending .dcm, 4 with no ending`, the commonest first."""
    ordered = sorted(passed.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(
        f"{count:,} with {ending if ending == NO_ENDING else f'ending {ending}'}" for ending, count in ordered
    )
