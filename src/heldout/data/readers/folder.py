"""A folder of image files: `train|val|test/<class>/image`, or `<class>/image`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from heldout.data.entries import Draft, Entry, Reader, split_named
from heldout.data.readers.npy import has_arrays
from heldout.errors import Problem
from heldout.images import IMAGE_SUFFIXES, is_image_file
from heldout.progress import Reporter


class FolderReader(Reader):
    """Image files in one folder a class, inside one folder a split or without split.

    Folders inside a class folder (one a patient, say) are searched too. Hidden files and folders, and files with
    other endings than those of images, are passed over.
    """

    name: ClassVar[str] = "folder"
    title: ClassVar[str] = "a folder train|val|test/<class>/image, or <class>/image"

    def accepts(self, data: str) -> bool:
        """A folder without `.npy` files in it or in its split folders."""
        return bool(data) and Path(data).is_dir() and not has_arrays(Path(data))

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Name every image file."""
        root = Path(data).resolve()
        folders = subfolders(root)
        parts = [(folder, split_named(folder.name)) for folder in folders]
        if any(split for _, split in parts):
            return _with_splits(root, parts)
        if any(split_named(inner.name) for folder in folders for inner in subfolders(folder)):
            return Draft(root.name, root, (), (_nothing(root),))
        entries = _classes(root, root, "")
        problems = [] if entries else [_nothing(root)]
        return Draft(root.name, root, tuple(entries), (*problems, *_stray(root, root)))


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder that are not hidden, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__MACOSX")))


def images_in(folder: Path) -> list[Path]:
    """The image files below a folder, by path; hidden ones (such as macOS's `._name`) are passed over."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent) / name for name in files if not name.startswith(".") and is_image_file(Path(parent) / name)
        ]
    return sorted(found)


def _with_splits(root: Path, parts: list[tuple[Path, str]]) -> Draft:
    entries: list[Entry] = []
    problems = _stray(root, root)
    seen: dict[str, Path] = {}
    for folder, split in parts:
        if not split:
            if images_in(folder):
                problems.append(
                    Problem(
                        folder.name + "/",
                        "a folder with images that is no part of the split",
                        "only the folders train, val (or valid, validation) and test",
                        "Rename it, or move it elsewhere.",
                    )
                )
            continue
        if split in seen:
            problems.append(
                Problem(
                    folder.name + "/",
                    f"a second folder for {split}, beside {seen[split].name}/",
                    "one folder a part of the split",
                    "Move all its images into one of them.",
                )
            )
        seen[split] = folder
        entries += _classes(root, folder, split)
        problems += _stray(root, folder)
    if not entries:
        problems.append(_nothing(root))
    return Draft(root.name, root, tuple(entries), tuple(problems))


def _classes(root: Path, folder: Path, split: str) -> list[Entry]:
    return [
        Entry(source=image.relative_to(root).as_posix(), label=class_folder.name, split=split)
        for class_folder in subfolders(folder)
        for image in images_in(class_folder)
    ]


def _stray(root: Path, folder: Path) -> list[Problem]:
    """Images where only folders are expected: they have no class."""
    loose = sorted(
        path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".") and is_image_file(path)
    )
    return [
        Problem(
            image.relative_to(root).as_posix(),
            "an image outside any class folder, so without a label",
            "every image in the folder of its class",
            "Move it into the folder of its class, or elsewhere.",
        )
        for image in loose
    ]


def _nothing(root: Path) -> Problem:
    deeper = next((path for path in subfolders(root) if any(split_named(p.name) for p in subfolders(path))), None)
    return Problem(
        f"{root.name}/",
        "neither split nor class folders with images in them",
        f"train/<class>/image and test/<class>/image, or <class>/image, ending in {', '.join(sorted(IMAGE_SUFFIXES))}",
        f"Did you mean {deeper.name}/ inside it?" if deeper else "See `docs/data.md` for what DATA may be.",
    )


READER = FolderReader()
