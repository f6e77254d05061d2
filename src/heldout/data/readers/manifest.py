"""A CSV or Parquet manifest: one line an image, `path,label[,split,patient,site,row]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from heldout.data.entries import AS_FOUND, Draft, Entry, Layout, Reader, some, split_named
from heldout.data.readers._columns import OWN_COLUMNS, Columns, choose_columns, empty_bits
from heldout.data.readers._find import MOST_FILES, Finder, Place
from heldout.data.readers.tables import TABLE_SUFFIXES, Cells, Sheet, integer, open_sheet, sheet_of
from heldout.errors import Problem
from heldout.progress import Reporter

FRAME = "frame"
"""Name of a table in memory."""

MISSED = 0.5
"""If so many of a table's images are not found, it is the folder that is wrong, and that is said once."""


class ManifestReader(Reader):
    """A table with one line an image; paths are relative to the table, or to `--images`.

    `row` (from 0) points at a row of an `.npy` file, `array` names an array inside an `.npz` file. Columns of other
    names are kept for `--patient COLUMN`. `--path-column` and `--label-column` name other columns for path and class;
    a path may be the name of a file or an id without ending that lies anywhere below; several columns of 0 and 1 may
    stand for the class.
    """

    name: ClassVar[str] = "manifest"
    title: ClassVar[str] = "a .csv or .parquet manifest (path,label[,split,patient,site,row])"

    def accepts(self, data: str) -> bool:
        """A path that ends in `.csv`, `.tsv` or `.parquet`."""
        return Path(data).suffix.lower() in TABLE_SUFFIXES and Path(data).is_file()

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Name the image of every line."""
        return self.read_as(data, AS_FOUND, reporter)

    def read_as(self, data: str, layout: Layout, reporter: Reporter) -> Draft:
        """Name the image of every line, by the columns that a person names."""
        path = Path(data).resolve()
        return draft_of(open_sheet(path), _name(path), path.parent, layout)


def draft_of_frame(frame: pd.DataFrame, layout: Layout) -> Draft:
    """The images that a table in memory names; paths are relative to `images`, or to where the program was started."""
    return draft_of(sheet_of(frame, FRAME), FRAME, Path.cwd(), layout)


def draft_of(sheet: Sheet, name: str, folder: Path, layout: Layout, split: str = "") -> Draft:
    """The images that a table names.

    Args:
        sheet: The table.
        name: Short name of the cohort.
        folder: What its paths are relative to, unless `layout` names a folder.
        layout: What a person said.
        split: Part of all its images, where it has no column of parts.
    """
    root = Path(layout.images).resolve() if layout.images else folder
    if not root.is_dir():
        problem = Problem("--images", f"'{layout.images}', which is no folder", "a folder of images", "Correct it.")
        return Draft(name, folder, (), (*sheet.problems, problem))
    finder = Finder(root, layout)
    if sheet.problems:
        return Draft(name, root, (), tuple(sheet.problems))
    columns, problems = choose_columns(sheet, layout, finder)
    if columns is None:
        return Draft(name, root, (), tuple(problems))
    found = _Found(sheet, columns, finder, split)
    entries = found.entries(problems)
    return Draft(
        name, root, tuple(entries), tuple(problems), columns.names, (*found.notes, *empty_bits(sheet, columns))
    )


@dataclass
class _Found:
    """The entries of a table as they are made."""

    sheet: Sheet
    columns: Columns
    finder: Finder
    split: str
    notes: tuple[str, ...] = ()

    def entries(self, problems: list[Problem]) -> list[Entry]:
        """One a line that has no problem; problems are added to the list."""
        further = {
            name: place
            for name, place in self.sheet.places.items()
            if name not in (*OWN_COLUMNS, self.columns.path, *self.columns.labels)
        }
        entries, below, missed = [], [], []
        for line, cells in self.sheet.rows:
            where = f"{self.sheet.name} {self.sheet.unit} {line}"
            wrong = _problems(where, cells, self.columns.path)
            place = Place("") if wrong else self.finder.find(cells[self.columns.path])
            wrong += _ambiguous(where, cells[self.columns.path], place)
            problems += wrong
            if wrong:
                continue
            below += [(cells[self.columns.path], place.source)] if place.how == "below" else []
            missed += [cells[self.columns.path]] if not place.how else []
            entries.append(self._entry(where, cells, place.source, further))
        if missed and len(missed) >= MISSED * len(entries):
            problems.append(self._elsewhere(missed, len(entries)))
            return []
        if below:
            self.notes = (
                f"{len(below):,} of {len(entries):,} images were found below {self.finder.folder.name}/ by their names "
                f"(for example {below[0][0]} is {below[0][1]}).",
            )
        return entries

    def _entry(self, where: str, cells: Cells, source: str, further: Mapping[str, int]) -> Entry:
        row = integer(cells.get("row", ""))
        return Entry(
            source=source,
            label=self.columns.label(cells),
            labels=self.columns.several(cells),
            split=split_named(cells.get("split", "")) or self.split,
            member=cells.get("array", ""),
            row=-1 if row is None else row,
            patient=cells.get("patient", ""),
            site=cells.get("site", ""),
            where=where,
            extra=cells.only(further),
        )

    def _elsewhere(self, missed: list[str], images: int) -> Problem:
        """One problem for images of which most are not where the table says."""
        near = f"{len(self.finder.files):,} other images lie there" if self.finder.files else "no image lies there"
        near += f" (only the first {MOST_FILES:,} files were looked at)" if self.finder.cut_short else ""
        return Problem(
            self.sheet.name,
            f"{len(missed):,} of {images:,} images that are not below {self.finder.folder}, by path, name or id "
            f"({some(missed)}); {near}",
            "paths relative to the table, or names or ids of files below it",
            "Say where the images are with --images FOLDER; or name the column that holds path or id with "
            "--path-column.",
        )


def _name(path: Path) -> str:
    """`wbc_two_labs/manifest.csv` is called `wbc_two_labs`."""
    return path.parent.name if path.stem in ("manifest", "metadata", "index") else path.stem


def _problems(where: str, values: Mapping[str, str], path: str) -> list[Problem]:
    problems = []
    split, row = values.get("split", ""), values.get("row", "")
    if not values[path]:
        problems.append(
            Problem(where, "no path", "the path of an image, relative to the manifest", "Fill it in or drop the line.")
        )
    if split and not split_named(split):
        problems.append(
            Problem(where, f"the split '{split}'", "train, val (or valid, validation) or test", "Correct the split.")
        )
    if row and (integer(row) is None or (integer(row) or 0) < 0):
        problems.append(
            Problem(where, f"the row '{row}'", "a whole number from 0 on, or nothing", "Correct the column `row`.")
        )
    return problems


def _ambiguous(where: str, text: str, place: Place) -> list[Problem]:
    if not place.others:
        return []
    return [
        Problem(
            where,
            f"'{text}', by which {len(place.others)} files are called ({some(place.others)})",
            "one file an image",
            "Write the path of the file, with its folder.",
        )
    ]


READER = ManifestReader()
