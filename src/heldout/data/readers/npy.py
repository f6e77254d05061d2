"""A folder of `.npy` files, one a class: `train/normal.npy`, `test/test_normal.npy`; optionally `metadata.csv`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from heldout.data.entries import SPLIT_NAMES, Draft, Entry, Reader, split_named
from heldout.data.readers._sidecar import SIDECAR, apply_sidecar
from heldout.errors import Problem
from heldout.images import ImageError, check_pixels, open_array
from heldout.progress import Reporter

TRUTH = "truth.json"
"""What `heldout phantom` writes beside its arrays (`phantoms.write`): their sidecar then holds latent numbers."""


class NpyReader(Reader):
    """Arrays of images, one file a class, (n, h, w) or (n, h, w, channels), in split folders or without.

    The class is the name of the file; a split's name in front of it is dropped: `test/test_normal.npy` is `normal` in
    test, and so is `test_normal.npy` without a split folder. `metadata.csv` beside the split folders may tell, for
    every row of every file, the patient, the site and more: `file,row,patient,site,…`.
    """

    name: ClassVar[str] = "npy"
    title: ClassVar[str] = "a folder of .npy files, one a class (train/normal.npy, test/test_normal.npy)"

    def accepts(self, data: str) -> bool:
        """A folder with `.npy` files in it or in its split folders."""
        return bool(data) and Path(data).is_dir() and has_arrays(Path(data))

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Name every row of every array."""
        root = Path(data).resolve()
        entries: list[Entry] = []
        problems: list[Problem] = []
        lengths: dict[str, int] = {}
        for file, folder_split in array_files(root):
            source = file.relative_to(root).as_posix()
            try:
                array = open_array(file)
                check_pixels(array, source, any_depth=True)
            except ImageError as error:
                problems.append(error.problem(source))
                continue
            name_split, label = split_and_class(file.stem)
            if folder_split and name_split and folder_split != name_split:
                problems.append(_contradiction(source, folder_split, name_split))
                continue
            lengths[source] = len(array)
            split = folder_split or name_split
            entries += [Entry(source=source, label=label, split=split, row=row) for row in range(len(array))]
        if (root / SIDECAR).is_file():
            entries, more = apply_sidecar(root / SIDECAR, entries, lengths)
            problems += more
        return Draft(root.name, root, tuple(entries), tuple(problems), keeps_further=not (root / TRUTH).is_file())


def array_files(root: Path) -> list[tuple[Path, str]]:
    """(file, split of its folder) of every `.npy` file in a folder and in its split folders, by path."""
    folders = [(root, "")]
    folders += [(path, split_named(path.name)) for path in sorted(root.iterdir()) if path.is_dir()]
    return [
        (file, split)
        for folder, split in folders
        if split or folder == root
        for file in sorted(folder.iterdir())
        if file.suffix.lower() == ".npy" and not file.name.startswith(".")
    ]


def has_arrays(root: Path) -> bool:
    """Whether a folder or its split folders hold `.npy` files."""
    return bool(array_files(root))


def split_and_class(stem: str) -> tuple[str, str]:
    """`test_normal` -> (`test`, `normal`); `normal` -> (``, `normal`)."""
    for word in sorted(SPLIT_NAMES, key=len, reverse=True):
        for mark in "_- ":
            if stem.lower().startswith(word + mark) and len(stem) > len(word) + 1:
                return SPLIT_NAMES[word], stem[len(word) + 1 :]
    return "", stem


def _contradiction(source: str, folder: str, name: str) -> Problem:
    return Problem(
        source,
        f"a file called '{name}' in the folder of {folder}",
        "the same part of the split in both names",
        "Move or rename the file.",
    )


READER = NpyReader()
