"""Which columns of a table name the image and its class: as a person says, by their usual names, or proposed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heldout.data.entries import Layout, some
from heldout.data.readers._find import Finder
from heldout.data.readers.tables import Cells, Row, Sheet, lacking
from heldout.errors import Problem

LOOKED_AT = 200
"""Rows by which columns are proposed."""

FOUND = 0.5
"""A column is proposed as the path if so many of its values are files here."""

MOST_CLASSES = 50

LABEL_NAMES = ("label", "labels", "class", "dx", "diagnosis", "target", "category", "grade", "level", "finding labels")
"""What published tables call the class, in the order in which one is proposed."""

OWN_COLUMNS = ("path", "label", "split", "patient", "site", "row", "array")

BITS = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}
"""What tables write into columns of 0 and 1, in small letters."""

MOST_NAMED = 8
"""Columns with empty cells that a note names."""

FEW, STRAY = 2, 0.05
"""So many cells of a column, or this share, may be neither 0 nor 1 by mistake; a quarter of a few rows at most."""


@dataclass(frozen=True)
class Columns:
    """The columns that hold path and class.

    Attributes:
        path: The one that names the image.
        labels: The one that holds the class; or several of 0 and 1, one a class or label.
        names: What each of several stands for.
    """

    path: str
    labels: tuple[str, ...]
    names: tuple[str, ...] = ()

    def label(self, cells: Cells) -> str:
        """What a row says in its one column of classes; nothing, where it has several columns of 0 and 1."""
        return "" if self.names else cells[self.labels[0]]

    def several(self, cells: Cells) -> tuple[str, ...] | None:
        """Of several columns those that are 1, of which `examine.labels` tells what they are; None of one column."""
        if not self.names:
            return None
        return tuple(name for name, column in zip(self.names, self.labels, strict=True) if _bit(cells[column]))


def choose_columns(sheet: Sheet, layout: Layout, finder: Finder) -> tuple[Columns | None, list[Problem]]:
    """The columns of a table, or why they cannot be told.

    Args:
        sheet: The table.
        layout: What a person said.
        finder: The image files near it.
    """
    path = layout.path_column.strip().lower() or "path"
    labels = tuple(column.strip().lower() for column in layout.label_column.split(",") if column.strip())
    if not labels and "label" not in sheet.places and path in sheet.places:
        labels = flags_of(sheet, sheet.rows, path)
        stray = () if labels else nearly_flags(sheet, sheet.rows, path)
        if stray:
            return Columns(path, stray, tuple(sheet.titles[name] for name in stray)), _no_bits(sheet, stray, True)
    labels = labels or ("label",)
    problems = lacking(sheet, (path, *labels))
    if problems:
        proposed = propose(sheet, finder)
        found = problems[0]
        return None, [Problem(found.where, found.found, found.expected, _remedy(proposed, finder))]
    names = tuple(sheet.titles[name] for name in labels) if len(labels) > 1 else ()
    return Columns(path, labels, names), _no_bits(sheet, labels) if names else []


def _no_bits(sheet: Sheet, labels: Sequence[str], recognised: bool = False) -> list[Problem]:
    """Cells that are neither 0 nor 1; an empty one is 0 where a person named the columns.

    Args:
        sheet: The table.
        labels: Its columns of 0 and 1.
        recognised: Whether nobody named them.
    """
    named = ",".join(sheet.titles[column] for column in labels)
    where = (
        f"of {named}, since no column is called label" if recognised else "of --label-column, where several are named"
    )
    remedy = "Correct it; or name the one column that holds the class."
    empty = f"Fill it in; or say --label-column {shlex.quote(named)}, for which an empty cell is 0."
    return [
        Problem(
            f"{sheet.name} {sheet.unit} {line}",
            f"{_quoted(cells[column])} in the column {sheet.titles[column]}",
            f"0 or 1 in every column {where}",
            remedy if cells[column] else empty,
        )
        for line, cells in sheet.rows
        for column in labels
        if _bit(cells[column]) is None and (cells[column] or recognised)
    ]


def empty_bits(sheet: Sheet, columns: Columns) -> tuple[str, ...]:
    """What to say of empty cells in several columns of 0 and 1: they count as 0."""
    counts = {name: sum(not cells[name] for _, cells in sheet.rows) for name in columns.labels if columns.names}
    empty = {name: count for name, count in counts.items() if count}
    if not empty:
        return ()
    each = some([f"{sheet.titles[name]} {count:,}" for name, count in empty.items()], MOST_NAMED)
    return (
        f"{sum(empty.values()):,} empty cells of {sheet.name} count as 0, since --label-column names their columns "
        f"({each} of {len(sheet.rows):,} rows). Where empty means not known, fill them in or leave these rows out.",
    )


def _quoted(cell: str) -> str:
    return f"'{cell}'" if cell else "nothing"


def _bit(cell: str) -> bool | None:
    """Whether a cell is 1; None where it is neither 0 nor 1."""
    return BITS.get(cell.lower())


def _remedy(proposed: Proposed | None, finder: Finder) -> str:
    """Which options name the columns that are missed."""
    if proposed is None:
        return _unproposed(finder)
    add = f" Add {shlex.join(proposed.words)}." if proposed.words else ""
    which = "" if proposed.label else " No column looks like the class: name the one that holds it with --label-column."
    return f"{proposed.sentence}{add}{which}"


def _flags(sheet: Sheet, rows: Sequence[Row], path: str) -> list[str]:
    """The columns of 0 and 1 that have no other meaning here."""
    further = [name for name in sheet.places if name not in (*OWN_COLUMNS, path)]
    return [name for name in further if rows and all(_bit(cells[name]) is not None for _, cells in rows)]


def flags_of(sheet: Sheet, rows: Sequence[Row], path: str) -> tuple[str, ...]:
    """Columns of 0 and 1, one a class or label, where it is clear that they are; none otherwise.

    It is, of two or more: where every row has a single 1 in them; or where there are no further columns, and some row
    has two or more, but not so that all but one of them are classes (`MEL,NV,BCC` beside `male`). The rules are those
    of `examine.labels`.
    """
    flags = _flags(sheet, rows, path)
    bits = np.array([[bool(_bit(cells[name])) for name in flags] for _, cells in rows], dtype=np.int64)  # (rows, flags)
    if len(flags) < 2:
        return ()
    ones = bits.sum(axis=1)
    alone = all(name in (*OWN_COLUMNS, path, *flags) for name in sheet.places)
    beside = (ones[:, None] - bits == 1).all(axis=0).any()
    clear = (ones == 1).all() or (alone and (ones > 1).any() and not beside)
    return tuple(flags) if clear else ()


def nearly_flags(sheet: Sheet, rows: Sequence[Row], path: str) -> tuple[str, ...]:
    """All further columns, of two or more, where they are 0 and 1 but for a few cells (`FEW`, `STRAY`); else none."""
    further = [name for name in sheet.places if name not in (*OWN_COLUMNS, path)]
    others = {name: sum(_bit(cells[name]) is None for _, cells in rows) for name in further}
    most = min(max(FEW, STRAY * len(rows)), len(rows) / 4)
    some_are = sum(others.values()) > 0
    return tuple(further) if len(further) > 1 and some_are and max(others.values()) <= most else ()


@dataclass(frozen=True)
class Proposed:
    """Columns that fit the files.

    Attributes:
        sentence: What was seen.
        words: The options that name them; none where the columns have the usual names.
        label: Columns that look like the class; none if none does.
        found: Rows, of those looked at, whose image is here.
        looked_at: Rows that were looked at.
    """

    sentence: str
    words: tuple[str, ...]
    label: tuple[str, ...]
    found: int
    looked_at: int


def propose(sheet: Sheet, finder: Finder) -> Proposed | None:
    """Columns of a table that name images here and hold a class; None where none names images."""
    rows = sheet.rows[:LOOKED_AT]
    counts = {name: _named(rows, name, finder) for name in sheet.places}
    path = max(counts, key=lambda name: (counts[name], name == "path"), default="")
    if not rows or counts[path] < FOUND * len(rows):
        return None
    example = next(cells[path] for _, cells in rows if cells[path] and finder.find(cells[path]).how)
    sentence = (
        f"The column {sheet.titles[path]} names images that are here ({counts[path]} of the first {len(rows)}; "
        f"{example} is {finder.find(example).source})"
    )
    words = [] if path == "path" else ["--path-column", sheet.titles[path]]
    label, recognised = _label(sheet, rows, path), flags_of(sheet, sheet.rows, path)
    if label:
        kinds = (
            sorted({cells[label[0]] for _, cells in rows} - {""})
            if len(label) == 1
            else [sheet.titles[n] for n in label]
        )
        named = ",".join(sheet.titles[name] for name in label)
        sentence += f", and {named} looks like the class ({some(kinds)})"
        words += [] if label == ("label",) or (label == recognised and not words) else ["--label-column", named]
    return Proposed(f"{sentence}.", tuple(words), label, counts[path], len(rows))


def _named(rows: Sequence[Row], name: str, finder: Finder) -> int:
    """Different values of a column that are images here: an age that is the name of a file is so again and again."""
    return sum(bool(finder.find(value).how) for value in {cells[name] for _, cells in rows} - {""})


def _label(sheet: Sheet, rows: Sequence[Row], path: str) -> tuple[str, ...]:
    """The column that looks like the class, or columns of 0 and 1; none if none does."""
    usual = [name for name in LABEL_NAMES if name in sheet.places]
    if usual:
        return (usual[0],)
    flags = _flags(sheet, rows, path)
    if len(flags) > 1:
        return tuple(flags)
    kinds = {name: _kinds(rows, name) for name in sheet.places if name != path}
    fitting = {name: number for name, number in kinds.items() if 2 <= number <= min(MOST_CLASSES, len(rows) / 2)}
    return (min(fitting, key=lambda name: fitting[name]),) if fitting else ()


def _kinds(rows: Sequence[Row], name: str) -> int:
    return len({cells[name] for _, cells in rows} - {""})


def _unproposed(finder: Finder) -> str:
    """What lies near a table of which no column names an image."""
    folders = _folders(finder)
    if not folders:
        return (
            f"There are no image files below {finder.folder}: say where they are with --images FOLDER, and name the "
            f"columns with --path-column and --label-column."
        )
    there = some([f"{number:,} in {name}/" for name, number in folders.items()])
    return (
        f"No column names one of the images here ({there}): name the columns with --path-column and --label-column, "
        f"and where the images are with --images FOLDER."
    )


def _folders(finder: Finder) -> dict[str, int]:
    """Folder -> image files in it, those with the most first."""
    counts: dict[str, int] = {}
    for source in finder.files:
        name = source.rpartition("/")[0] or "."
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
