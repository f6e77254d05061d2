"""Which columns of a table name the image and its class: as a person says, by their usual names, or proposed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

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

NO_CLASSES = ("row", "split", "patient", "site", "array")
"""Columns of 0 and 1 that a manifest has a meaning for."""

ONE = frozenset({"1", "1.0"})
ZERO = frozenset({"0", "0.0"})


@dataclass(frozen=True)
class Columns:
    """The columns that hold path and class.

    Attributes:
        path: The one that names the image.
        labels: The one that holds the class; or several of 0 and 1, one a class.
        names: Class of each of several.
        note: What a person should know of the choice; empty if nothing.
    """

    path: str
    labels: tuple[str, ...]
    names: tuple[str, ...] = ()
    note: str = ""

    def label(self, cells: Cells) -> str:
        """The class of a row; several, where more than one column is 1, joined by `|`."""
        if not self.names:
            return cells[self.labels[0]]
        return "|".join(name for name, column in zip(self.names, self.labels, strict=True) if cells[column] in ONE)


def choose_columns(sheet: Sheet, layout: Layout, finder: Finder) -> tuple[Columns | None, list[Problem]]:
    """The columns of a table, or why they cannot be told.

    Args:
        sheet: The table.
        layout: What a person said.
        finder: The image files near it.
    """
    path = layout.path_column.strip().lower() or "path"
    labels = tuple(column.strip().lower() for column in layout.label_column.split(",") if column.strip())
    note = ""
    if not labels and "label" not in sheet.places and path in sheet.places:
        labels = one_hot(sheet, sheet.rows)
        note = (
            f"The class is the column that is 1: {', '.join(sheet.titles[name] for name in labels)}." if labels else ""
        )
    labels = labels or ("label",)
    problems = lacking(sheet, (path, *labels))
    if problems:
        proposed = propose(sheet, finder)
        found = problems[0]
        return None, [Problem(found.where, found.found, found.expected, _remedy(proposed, finder))]
    names = tuple(sheet.titles[name] for name in labels) if len(labels) > 1 else ()
    problems = [
        Problem(
            f"{sheet.name} {sheet.unit} {line}",
            f"'{cells[column]}' in the column {sheet.titles[column]}",
            "0 or 1 in every column of --label-column, where several are named",
            "Correct it; or name the one column that holds the class.",
        )
        for line, cells in (sheet.rows if names else [])
        for column in labels
        if cells[column] not in ONE | ZERO | {""}
    ]
    return Columns(path, labels, names, note), problems


def _remedy(proposed: Proposed | None, finder: Finder) -> str:
    """Which options name the columns that are missed."""
    if proposed is None:
        return _unproposed(finder)
    add = f" Add {shlex.join(proposed.words)}." if proposed.words else ""
    which = "" if proposed.label else " No column looks like the class: name the one that holds it with --label-column."
    return f"{proposed.sentence}{add}{which}"


def one_hot(sheet: Sheet, rows: Sequence[Row]) -> tuple[str, ...]:
    """The columns of 0 and 1, if there are two or more and every row has a single 1 in them; none otherwise."""
    if not rows:
        return ()
    places = [name for name in sheet.places if name not in NO_CLASSES]
    flags = [name for name in places if all(cells[name] in ONE | ZERO for _, cells in rows)]
    single = all(sum(cells[name] in ONE for name in flags) == 1 for _, cells in rows)
    return tuple(flags) if single and len(flags) > 1 else ()


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
    label = _label(sheet, rows, path)
    if label:
        kinds = (
            sorted({cells[label[0]] for _, cells in rows} - {""})
            if len(label) == 1
            else [sheet.titles[n] for n in label]
        )
        named = ",".join(sheet.titles[name] for name in label)
        sentence += f", and {named} looks like the class ({some(kinds)})"
        words += [] if label == ("label",) or (len(label) > 1 and not words) else ["--label-column", named]
    return Proposed(f"{sentence}.", tuple(words), label, counts[path], len(rows))


def _named(rows: Sequence[Row], name: str, finder: Finder) -> int:
    """Different values of a column that are images here: an age that is the name of a file is so again and again."""
    return sum(bool(finder.find(value).how) for value in {cells[name] for _, cells in rows} - {""})


def _label(sheet: Sheet, rows: Sequence[Row], path: str) -> tuple[str, ...]:
    """The column that looks like the class, or columns of 0 and 1; none if none does."""
    usual = [name for name in LABEL_NAMES if name in sheet.places]
    if usual:
        return (usual[0],)
    hot = one_hot(sheet, rows)
    if hot:
        return hot
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
