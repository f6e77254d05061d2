"""A CSV or Parquet manifest: one line an image, `path,label[,split,patient,site,row]`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import ClassVar

from heldout.data.entries import Draft, Entry, Reader, split_named
from heldout.data.readers.tables import Cells, integer, read_table, scan_table
from heldout.errors import InputError, Problem
from heldout.progress import Reporter

OWN_COLUMNS = ("path", "label", "split", "patient", "site", "row", "array")


class ManifestReader(Reader):
    """A table with one line an image; paths are relative to the table.

    `row` (from 0) points at a row of an `.npy` file, `array` names an array inside an `.npz` file. Columns of other
    names are kept for `--patient COLUMN`. Without a column `label`, columns of 0 and 1 tell which labels an image has
    (`examine.labels`).
    """

    name: ClassVar[str] = "manifest"
    title: ClassVar[str] = "a .csv or .parquet manifest (path,label[,split,patient,site,row])"

    def accepts(self, data: str) -> bool:
        """A path that ends in `.csv`, `.tsv` or `.parquet`."""
        return Path(data).suffix.lower() in (".csv", ".tsv", ".parquet", ".pq") and Path(data).is_file()

    def read(self, data: str, reporter: Reporter) -> Draft:
        """Name the image of every line."""
        path = Path(data).resolve()
        try:
            rows = read_table(path, required=("path",), own=OWN_COLUMNS)
        except InputError:
            _, problems = scan_table(path, required=("path", "label"), own=OWN_COLUMNS)
            return Draft(path.stem, path.parent, (), tuple(problems))
        entries, problems = [], []
        word = "line" if path.suffix.lower() in (".csv", ".tsv") else "row"
        for line, values in rows:
            where = f"{path.name} {word} {line}"
            wrong = _problems(where, values)
            problems += wrong
            if not wrong:
                entries.append(_entry(where, values))
        unlabelled = bool(rows) and "label" not in rows[0][1]
        return Draft(_name(path), path.parent, tuple(entries), tuple(problems), unlabelled=unlabelled)


def _name(path: Path) -> str:
    """`wbc_two_labs/manifest.csv` is called `wbc_two_labs`."""
    return path.parent.name if path.stem in ("manifest", "metadata", "index") else path.stem


def _problems(where: str, values: Mapping[str, str]) -> list[Problem]:
    problems = []
    split, row = values.get("split", ""), values.get("row", "")
    if not values["path"]:
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


def _entry(where: str, values: Cells) -> Entry:
    row = integer(values.get("row", ""))
    # Windows writes backslashes; `./a.png` and `a.png` are the same file, and must count as listed twice.
    source = PurePath(os.path.normpath(values["path"].replace("\\", "/"))).as_posix()
    return Entry(
        source=source,
        label=values.get("label", ""),
        split=split_named(values.get("split", "")),
        member=values.get("array", ""),
        row=-1 if row is None else row,
        patient=values.get("patient", ""),
        site=values.get("site", ""),
        where=where,
        extra=values.further,
    )


READER = ManifestReader()
