"""A folder with a table for each part of the split: `train.csv`, `test.csv`, perhaps `val.csv`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from heldout.data.entries import AS_FOUND, Draft, Layout, Reader
from heldout.data.readers._split_tables import has_split_tables, split_tables
from heldout.data.readers.manifest import draft_of
from heldout.data.readers.npy import has_arrays
from heldout.data.readers.tables import Sheet, open_sheet
from heldout.errors import Problem
from heldout.progress import Reporter


class SplitTablesReader(Reader):
    """Tables as for `manifest`, one a part of the split, named after it: `train.csv`, `test.csv`, perhaps `val.csv`.

    All have the same columns for path and class; paths are relative to the folder, or to `--images`. A folder with
    class folders in it is read as these instead.
    """

    name: ClassVar[str] = "tables"
    title: ClassVar[str] = "a folder with train.csv and test.csv (perhaps val.csv), tables as a manifest"

    def accepts(self, data: str) -> bool:
        """A folder with such tables and without arrays or class folders."""
        return bool(data) and Path(data).is_dir() and not has_arrays(Path(data)) and has_split_tables(Path(data))

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Name the image of every line."""
        return self.read_as(data, AS_FOUND, reporter)

    def read_as(self, data: str, layout: Layout, reporter: Reporter) -> Draft:
        """Name the image of every line, by the columns that a person names."""
        root = Path(data).resolve()
        drafts = []
        problems: list[Problem] = []
        tables = split_tables(root)
        for part, path in tables.items():
            sheet = open_sheet(path)
            labels = [name.strip().lower() for name in (layout.label_column or "label").split(",")]
            if not sheet.problems and part != "train" and (not sheet.rows or _lacks(sheet, tables["train"], labels)):
                problems.append(_without_classes(path, sheet, tables["train"]))
                continue
            drafts.append(draft_of(sheet, root.name, root, layout, part))
        return Draft(
            root.name,
            drafts[0].root if drafts else root,
            tuple(entry for draft in drafts for entry in draft.entries),
            (*problems, *(problem for draft in drafts for problem in draft.problems)),
            classes=drafts[0].classes if drafts else (),
            notes=tuple(dict.fromkeys(note for draft in drafts for note in draft.notes)),
        )


def _lacks(sheet: Sheet, train: Path, labels: Sequence[str]) -> bool:
    """Whether a table has none of the columns of classes, and not all columns that the training table has."""
    return not set(labels) & set(sheet.places) and not set(open_sheet(train, most=1).places) <= set(sheet.places)


def _without_classes(path: Path, sheet: Sheet, train: Path) -> Problem:
    columns = ", ".join(sheet.titles.values())
    return Problem(
        path.name,
        f"the columns {columns}, without a class" if sheet.rows else "no rows",
        "a line an image of this part, with its class",
        f"If the classes of this part are not published, give {train.name} alone as DATA: the parts are drawn from it.",
    )


READER = SplitTablesReader()
