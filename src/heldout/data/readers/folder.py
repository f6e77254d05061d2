"""A folder of image files: `train|val|test/<class>/image`, or `<class>/image`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from heldout.data.entries import AS_FOUND, Draft, Entry, Layout, Reader, some, split_named
from heldout.data.readers._near import NearTable, table_with, tables_near
from heldout.data.readers._split_tables import has_split_tables
from heldout.data.readers.folder_names import is_container, is_site
from heldout.data.readers.manifest import ManifestReader
from heldout.data.readers.npy import has_arrays
from heldout.data.readers.walk import HIDDEN, Walked, closed, endings, gone, is_dangling, is_image, walk
from heldout.errors import Problem
from heldout.images import IMAGE_SUFFIXES
from heldout.progress import Reporter

FEW_LOOSE = 8
"""More images outside class folders are told together."""


class FolderReader(Reader):
    """Image files in one folder a class, inside one folder a split or without split.

    Folders inside a class folder (one a patient, say) are searched too, and links are followed. Hidden files and
    folders are passed over; files with other endings than those of images are passed over and counted. Folders of
    parts of a download (`images_part_1`) are no classes: classes in them are put together.
    """

    name: ClassVar[str] = "folder"
    title: ClassVar[str] = "a folder train|val|test/<class>/image, or <class>/image"

    def accepts(self, data: str) -> bool:
        """A folder without `.npy` files and without tables of parts (train.csv, test.csv) in place of class folders."""
        if not data or not Path(data).is_dir() or has_arrays(Path(data)):
            return False
        return not has_split_tables(Path(data))

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Name every image file."""
        return self.read_as(data, AS_FOUND, reporter)

    def read_as(self, data: str, layout: Layout, reporter: Reporter) -> Draft:
        """Name every image file that no pattern leaves out; where columns are named, those of the table in the folder.

        Raises:
            UsageError: Columns are named, and not one table in the folder has them.
        """
        root = Path(data).resolve()
        found = _Tree(root, layout)
        if layout.path_column or layout.label_column or layout.images:
            return ManifestReader().read_as(str(table_with(root, layout)), layout, reporter)
        near = tables_near(root, layout)
        found.read(near)
        lost = [gone(sorted(found.dangling))] if found.dangling else []
        problems = tuple(
            dict.fromkeys([*found.problems, *lost])
        )  # a folder that cannot be opened is met more than once
        return Draft(root.name, root, tuple(found.entries), problems, notes=tuple(found.told(near)))


@dataclass
class _Tree:
    """The images of a folder as they are found."""

    root: Path
    layout: Layout
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ignored: int = 0
    dangling: set[str] = field(default_factory=set)

    def read(self, near: list[NearTable]) -> None:
        """Tell splits, classes and parts of a download apart by the names of the folders."""
        folders = self._inside(self.root)
        inner = [(folder, self._inside(folder)) for folder in folders]
        parts = [(folder, split_named(folder.name)) for folder in folders]
        if any(split for _, split in parts):
            self._splits(self.root, parts, near)
        elif any(split_named(path.name) for _, within in inner for path in within):
            if not self._parts_within(inner) and not self._roots(inner, near):
                self.problems.append(self._nothing(near))
        else:
            self._stray(self.root, near)
            self._classes(self.root, "", near)
            self._warn_of_roots(inner)
            if not self.entries and not self.problems:
                self.problems.append(self._nothing(near))

    def told(self, near: list[NearTable]) -> list[str]:
        """What a person should know: passed over, left out, a table beside."""
        notes = list(self.notes)
        if self.layout.ignore:
            patterns = ", ".join(f"'{pattern}'" for pattern in self.layout.ignore)
            notes.append(f"{self.ignored:,} files or folders were left out by --ignore {patterns}.")
        if near and self.entries:
            notes.append(f"A table lies beside the images, and was not used. {near[0].remedy}")
        return notes

    def _listed(self, folder: Path) -> list[Path]:
        """What is in a folder and no pattern leaves out, by name; nothing where it cannot be opened, which is told."""
        try:
            listed = [path for path in sorted(folder.iterdir()) if not self.layout.ignores(self._place(path))]
        except OSError as error:
            self.problems.append(closed(folder, self.root, error))
            return []
        self.dangling.update(self._place(path) for path in listed if is_dangling(path))
        return listed

    def _inside(self, folder: Path) -> list[Path]:
        """The folders in a folder that are not hidden, by name."""
        return [path for path in self._listed(folder) if path.is_dir() and not path.name.startswith(HIDDEN)]

    def _place(self, path: Path) -> str:
        return path.as_posix().removeprefix(f"{self.root.as_posix().rstrip('/')}/")

    def _walk(self, folder: Path) -> Walked:
        found = walk(folder, self.root, self.layout)
        self.problems += found.problems
        self.ignored += found.ignored
        self.dangling.update(found.dangling)
        if found.linked:
            self.notes.append(
                f"{len(found.linked)} links lead into folders that were read already, and were not followed "
                f"({some(found.linked)})."
            )
        return found

    def _splits(self, where: Path, parts: list[tuple[Path, str]], near: list[NearTable]) -> None:
        """The images of `train|val|test/<class>/` in a folder."""
        self._stray(where, near)
        seen: dict[str, Path] = {}
        for folder, split in parts:
            if not split:
                if self._walk(folder).images:
                    self.problems.append(
                        Problem(
                            folder.name + "/",
                            "a folder with images that is no part of the split",
                            "only the folders train, val (or valid, validation) and test",
                            "Rename it, move it elsewhere, or leave it out with --ignore.",
                        )
                    )
                continue
            if split in seen:
                self.problems.append(
                    Problem(
                        folder.name + "/",
                        f"a second folder for {split}, beside {seen[split].name}/",
                        "one folder a part of the split",
                        "Move all its images into one of them.",
                    )
                )
            seen[split] = folder
            self._classes(folder, split, near)
            self._stray(folder, near)
        if not self.entries and not self.problems:
            self.problems.append(self._nothing(near))

    def _parts_within(self, inner: list[tuple[Path, list[Path]]]) -> bool:
        """Read `<class>/train|val|test/image`; whether the folders are of that kind."""
        holding = [(folder, within) for folder, within in inner if within]
        if len(holding) < 2 or any(is_container(folder.name) for folder, _ in holding):
            return False
        if not all(split_named(path.name) and not self._inside(path) for _, within in holding for path in within):
            return False
        for folder, within in holding:
            for path in within:
                found = self._walk(path)
                self._class(path, found)
                part = split_named(path.name)
                self.entries += [Entry(self._place(image), folder.name, part) for image in found.images]
        return bool(self.entries)

    def _roots(self, inner: list[tuple[Path, list[Path]]], near: list[NearTable]) -> bool:
        """Read `<root>/train|val|test/<class>/image` of two roots or more; whether the folders are of that kind."""
        holding = [(folder, within) for folder, within in inner if within]
        if len(holding) < 2 or not all(split_named(path.name) for _, within in holding for path in within):
            return False
        self._stray(self.root, near)
        for folder, within in inner:
            with self._from(folder):
                self._splits(folder, [(path, split_named(path.name)) for path in within], near)
        self.notes.append(self._said_of([folder for folder, _ in holding]))
        return bool(self.entries)

    @contextmanager
    def _from(self, folder: Path) -> Iterator[None]:
        """Of the images that are read meanwhile, the folder is the site."""
        start = len(self.entries)
        yield
        self.entries[start:] = [replace(entry, site=folder.name) for entry in self.entries[start:]]

    def _said_of(self, folders: list[Path]) -> str:
        names = some([f"{folder.name}/" for folder in folders])
        return f"{names} are read as one data set from several places, which stand in the column site."

    def _warn_of_roots(self, inner: list[tuple[Path, list[Path]]]) -> None:
        """Folders that hold folders of the same names may be hospitals, and the inner ones the classes."""
        within = [{path.name for path in folders} for _, folders in inner if folders]
        if len(within) < 2 or not self.entries or len(set.intersection(*within)) < 2 or len(set.union(*within)) > 20:
            return
        if len({entry.label for entry in self.entries}) != len(within):
            return
        names, same = some([f"{folder.name}/" for folder, _ in inner]), some(sorted(set.intersection(*within)))
        self.notes.append(
            f"{names} hold folders of the same names ({same}). The outer folders are taken for the classes; if the "
            f"inner ones are, write a table path,label,site."
        )

    def _classes(self, folder: Path, split: str, near: list[NearTable]) -> None:
        """The images of every class folder in a folder."""
        walked = [(inside, self._walk(inside)) for inside in self._inside(folder)]
        holding = [inside for inside, found in walked if found.images]
        if holding and all(is_container(inside.name) for inside in holding):
            self._containers(holding, split, near)
            return
        if len(holding) > 1 and all(is_site(inside.name) for inside in holding) and self._same_within(holding):
            for inside in holding:
                with self._from(inside):
                    self._classes(inside, split, near)
                self._stray(inside, near)
            self.notes.append(self._said_of(holding))
            return
        for inside, found in walked:
            self._class(inside, found)
            self.entries += [Entry(self._place(image), inside.name, split) for image in found.images]

    def _same_within(self, folders: list[Path]) -> bool:
        """Whether all folders hold folders of two names or more that are the same in each."""
        return len(set.intersection(*({path.name for path in self._inside(folder)} for folder in folders))) > 1

    def _class(self, folder: Path, found: Walked) -> None:
        """Say what of a class folder was passed over, and that nothing is left where nothing is."""
        where = f"{self._place(folder)}/"
        if found.images:
            if found.passed:
                self.notes.append(
                    f"Passed over in {where}: {endings(found.passed)}, beside {len(found.images):,} images."
                )
        elif found.unknown:
            self.problems.append(
                Problem(
                    where,
                    f"a class folder without a readable image; files: {endings(found.passed)}",
                    f"images of the class, ending in {', '.join(sorted(IMAGE_SUFFIXES))}",
                    f"Convert the files or give them their ending; or leave them out with --ignore {folder.name}.",
                )
            )
        else:
            files = f"no images, only files {endings(found.passed)}" if found.passed else "nothing"
            self.notes.append(f"{where} holds {files}, and is not taken for a class.")

    def _containers(self, holding: list[Path], split: str, near: list[NearTable]) -> None:
        """Folders that are no classes: the classes lie in them, or nowhere."""
        names = some([f"{path.name}/" for path in holding])
        classes = {inside.name for path in holding for inside in self._inside(path)}
        loose = [image for path in holding for image in self._listed(path) if is_image(image)]
        if not loose and len(classes) > 1 and not all(map(is_container, classes)):
            for path in holding:
                self._classes(path, split, near)
            self.notes.append(f"{names} are read as parts of one data set, not as classes: the classes lie in them.")
            return
        inside = f"{holding[0].relative_to(self.root).as_posix()}/" if len(holding) == 1 else names
        self.problems.append(
            Problem(
                f"{self._place(holding[0].parent)}/" if holding[0].parent != self.root else f"{self.root.name}/",
                f"images in {inside}, which by their names are parts of a download, masks or patients, not classes",
                "images in one folder a class, or a table that names the class of each",
                self._remedy(near, "Move the images into one folder a class, or write a table path,label."),
            )
        )

    def _stray(self, folder: Path, near: list[NearTable]) -> None:
        """Images where only folders are expected: they have no class."""
        loose = [path for path in self._listed(folder) if path.is_file() and is_image(path)]
        expected = "every image in the folder of its class"
        if len(loose) <= FEW_LOOSE and not near:
            self.problems += [
                Problem(
                    self._place(image),
                    "an image outside any class folder, so without a label",
                    expected,
                    "Move it into the folder of its class, or elsewhere.",
                )
                for image in loose
            ]
        elif loose:
            self.problems.append(
                Problem(
                    f"{self._place(folder)}/" if folder != self.root else f"{self.root.name}/",
                    f"{len(loose):,} images outside any class folder, so without a label "
                    f"({some([path.name for path in loose])})",
                    f"{expected}, or a table that names the class of each",
                    self._remedy(near, "Move them into the folders of their classes, or write a table path,label."),
                )
            )

    def _remedy(self, near: list[NearTable], otherwise: str) -> str:
        return near[0].remedy if near else otherwise

    def _nothing(self, near: list[NearTable]) -> Problem:
        below = [(path, self._inside(path)) for path in self._inside(self.root)]
        deeper = next((path for path, inner in below if any(split_named(p.name) for p in inner)), None)
        remedy = f"Did you mean {deeper.name}/ inside it?" if deeper else "See `docs/data.md` for what DATA may be."
        passed = walk(self.root, self.root, self.layout).unknown
        there = f" (below it lie files {endings(passed)})" if passed else ""
        return Problem(
            f"{self.root.name}/",
            f"neither split nor class folders with images in them{there}",
            "train/<class>/image and test/<class>/image, or <class>/image, ending in "
            + ", ".join(sorted(IMAGE_SUFFIXES)),
            self._remedy(near, remedy),
        )


READER = FolderReader()
