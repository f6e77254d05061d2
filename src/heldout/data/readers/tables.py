"""Tables as rows of text, each with the line at which a person finds it: the one reader of CSV, Parquet and frames.

What Excel, R and hands write is understood: commas, semicolons or tabs, a line `sep=;` in front, UTF-8 (with a mark or
without) and UTF-16, columns without a name (row names of R, empty columns of Excel), which are passed over. Text stays
text: a class may be called `None` or `0012`. `MISSING` is missing.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from heldout.data.entries import composed
from heldout.data.readers.limits import refuse_table
from heldout.errors import InputError, Problem
from heldout.shown import cell_text

MISSING = frozenset({"NA", "N/A", "#N/A", "NaN", "nan", "<NA>", "null", "NULL"})
"""What programs write where a value is missing (R, Excel, pandas, SQL), beside nothing at all. `None` is text."""

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")


@dataclass(frozen=True)
class Columns:
    """Where the columns of a table stand in its rows.

    Attributes:
        every: Column -> its place.
        further: Those that the reader has no use for itself.
    """

    every: Mapping[str, int]
    further: Mapping[str, int]


class Cells(Mapping[str, str]):
    """Column -> text of one row. All rows share where a column stands: a dictionary each is six times as large."""

    __slots__ = ("_at", "_columns", "_values")

    def __init__(self, columns: Columns, values: tuple[str, ...], at: Mapping[str, int] | None = None) -> None:
        self._columns, self._values = columns, values
        self._at = columns.every if at is None else at

    def __getitem__(self, name: str) -> str:
        return self._values[self._at[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)

    @property
    def further(self) -> Cells:
        """The columns that the reader has no use for itself."""
        return Cells(self._columns, self._values, self._columns.further)

    def only(self, at: Mapping[str, int]) -> Cells:
        """Some of the columns, by `Sheet.places`, which the cells of all rows may share."""
        return Cells(self._columns, self._values, at)


Row = tuple[int, Cells]


@dataclass(frozen=True)
class Sheet:
    """A table as read.

    Attributes:
        name: What problems call it.
        titles: Column in lower case -> as the header writes it, in its order.
        places: Column -> its place in a row.
        rows: (line, cells) of every row that is not empty.
        problems: What is wrong with it.
        unit: What a row is counted in: `line` of a text file, from 1; `row`, from 0.
    """

    name: str
    titles: Mapping[str, str]
    places: Mapping[str, int]
    rows: list[Row]
    problems: list[Problem]
    unit: str = "line"


def read_table(
    path: Path, required: Sequence[str], own: Sequence[str], missing: Collection[str] = MISSING
) -> list[Row]:
    """Read a table.

    Args:
        path: A `.csv` file (comma, semicolon or tab; UTF-8 or UTF-16) or a `.parquet` file.
        required: Columns that must be there.
        own: Columns that the reader uses itself; `Cells.further` has the others.
        missing: Words that stand for nothing.

    Returns:
        (line, column -> text) of every row that is not empty. Column names are in lower case, values without the
        blanks around them, missing values empty, both composed (NFC). Lines of a CSV are counted as an editor does:
        the header is line 1.

    Raises:
        InputError: It cannot be read, lacks a column, names one twice, or has a line of another length.
    """
    table, problems = scan_table(path, required, own, missing)
    if problems:
        raise InputError(problems, title=f"{path.name} cannot be used")
    return table


def scan_table(
    path: Path, required: Sequence[str], own: Sequence[str], missing: Collection[str] = MISSING
) -> tuple[list[Row], list[Problem]]:
    """Like `read_table`, with its problems beside the rows that can be read, for callers that have more to find."""
    sheet = open_sheet(path, own, missing)
    return sheet.rows, sheet.problems + lacking(sheet, required)


def scan_frame(
    frame: pd.DataFrame, name: str, required: Sequence[str], own: Sequence[str]
) -> tuple[list[Row], list[Problem]]:
    """The same of a table in memory; its rows are counted from 0."""
    sheet = sheet_of(frame, name, own)
    return sheet.rows, sheet.problems + lacking(sheet, required)


def open_sheet(
    path: Path, own: Sequence[str] = (), missing: Collection[str] = MISSING, most: int | None = None
) -> Sheet:
    """A table whatever its columns are; a file that is none has a problem and no rows.

    Args:
        path: The file.
        own: Columns that `Cells.further` leaves out.
        missing: Words that stand for nothing.
        most: Rows that are read; None reads all.
    """
    refused = refuse_table(path)
    if refused is not None:
        return Sheet(path.name, {}, {}, [], [refused])
    parquet = path.suffix.lower() in (".parquet", ".pq")
    try:
        header, rows = _parquet(path, most) if parquet else _csv(path, most)
    except (OSError, UnicodeError, csv.Error, pa.ArrowException) as error:
        if isinstance(error, FileNotFoundError):
            problem = Problem(str(path), "no such file", "a CSV or Parquet file", "Check the path.")
        else:
            problem = Problem(
                path.name,
                f"a table that cannot be read ({_said(error)})",
                "a CSV file in UTF-8, or a Parquet file",
                "Save it again from the program that made it, as CSV in UTF-8.",
            )
        return Sheet(path.name, {}, {}, [], [problem])
    return _sheet(path.name, header, rows, own, missing, "row" if parquet else "line")


def _said(error: Exception) -> str:
    """What is wrong with the file; bytes that are no UTF-8 are mostly text of an older Windows or of Excel."""
    if isinstance(error, UnicodeDecodeError):
        return f"its byte {error.start + 1:,} is no text in UTF-8; an older encoding, such as Latin-1, is likely"
    return f"{type(error).__name__}: {str(error)[:100]}"


def sheet_of(frame: pd.DataFrame, name: str, own: Sequence[str] = (), missing: Collection[str] = MISSING) -> Sheet:
    """A table in memory; its rows are counted from 0."""
    columns = [[_text(value) for value in frame.iloc[:, at].tolist()] for at in range(frame.shape[1])]
    rows = [(row, list(values)) for row, values in enumerate(zip(*columns, strict=True))]
    return _sheet(name, [str(column) for column in frame.columns], rows, own, missing, "row")


def lacking(sheet: Sheet, required: Sequence[str]) -> list[Problem]:
    """A problem where columns are not there; none of a table that could not be read at all."""
    missing = [name for name in required if name not in sheet.places]
    if not missing or (sheet.problems and not sheet.titles):
        return []
    return [
        Problem(
            f"{sheet.name} line 1",
            f"the columns {', '.join(sheet.titles.values()) or 'none'}",
            f"the columns {', '.join(required)} among them (missing: {', '.join(missing)})",
            "Name the columns in the first line.",
        )
    ]


def _sheet(
    name: str,
    header: Sequence[str],
    rows: Iterable[tuple[int, list[str]]],
    own: Sequence[str],
    missing: Collection[str],
    unit: str,
) -> Sheet:
    if unit == "line":  # what we quoted in a CSV for spreadsheets' sake is what it was
        header = [cell_text(title) for title in header]
        rows = ((line, [cell_text(value) for value in values]) for line, values in rows)
    titles = [composed(title) for title in header]
    rows = list(rows)
    if rows and titles and all(len(values) == len(titles) + 1 for _, values in rows):
        # a separator at the end of every row, or names of rows, which R's write.table has no column name for
        blank = not any(values[-1].strip() for _, values in rows)
        titles = [*titles, ""] if blank else ["", *titles]
    columns = [title.lower() for title in titles]
    places = {column: at for at, column in enumerate(columns) if column}
    shared = Columns(places, {column: at for column, at in places.items() if column not in own})
    twice = sorted({column for column in columns if column and columns.count(column) > 1})
    problems = []
    if twice:
        problems.append(
            Problem(f"{name} line 1", f"{', '.join(twice)} twice", "every column once", "Rename one of them.")
        )
    table: list[Row] = []
    for line, values in rows:
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(columns):
            problems.append(
                Problem(
                    f"{name} {unit} {line}",
                    f"{len(values)} values",
                    f"{len(columns)}, one a column",
                    "Add or remove commas; put values that hold a comma in double quotes.",
                )
            )
            continue
        table.append((line, Cells(shared, tuple(_clean(value, missing) for value in values))))
    named = {column: title for column, title in zip(columns, titles, strict=True) if column}
    return Sheet(name, named, places, table, problems, unit)


def _clean(value: str, missing: Collection[str]) -> str:
    text = composed(value)
    return "" if text in missing else text


def integer(text: str) -> int | None:
    """`17` or `17.0` -> 17; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if math.isfinite(value) and value.is_integer() else None


def _csv(path: Path, most: int | None) -> tuple[list[str], list[tuple[int, list[str]]]]:
    with path.open("rb") as file:
        utf16 = file.read(2) in (b"\xff\xfe", b"\xfe\xff")  # "Unicode text" of Excel
    # Excel puts a byte order mark in front of UTF-8
    with path.open(encoding="utf-16" if utf16 else "utf-8-sig", newline="") as file:
        first, skipped = file.readline(), 0
        declared = re.fullmatch(r'"?sep=(.)"?\s*', first, re.IGNORECASE)
        if declared:  # a line by which Excel is told
            first, skipped = file.readline(), 1
        bare = re.sub(r'"[^"]*"', "", first)
        delimiter = declared[1] if declared else max(",;\t", key=bare.count)
        reader = csv.reader(_again(first, file), delimiter=delimiter)
        header = next(reader, [])
        rows = ((reader.line_num + skipped, values) for values in _sharing(reader))
        return header, list(islice(rows, most))


def _again(first: str, rest: io.TextIOBase | Iterable[str]) -> Iterator[str]:
    """A line that was read already, and the lines behind it."""
    yield first
    yield from rest


def _sharing(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    """The rows; a text that is the same as in the row above is the same object, and held once."""
    above: list[str] = []
    for row in rows:
        if len(row) == len(above):
            row = [old if old == new else new for old, new in zip(above, row, strict=True)]
        above = row
        yield row


def _parquet(path: Path, most: int | None) -> tuple[list[str], list[tuple[int, list[str]]]]:
    table = pq.read_table(path, page_checksum_verification=True)
    table = table if most is None else table.slice(0, most)
    columns = [[_text(value) for value in column.to_pylist()] for column in table.columns]
    return list(table.column_names), [(row, list(values)) for row, values in enumerate(zip(*columns, strict=True))]


def _text(value: object) -> str:
    """Parquet values as a CSV would hold them: 1.0 becomes `1`, since a column with gaps turns into floats.

    A list of names is several labels, with | between.
    """
    names = value.tolist() if isinstance(value, np.ndarray) else value
    if isinstance(names, list | tuple | set | frozenset) and all(isinstance(name, str) for name in names):
        return "|".join(sorted(names) if isinstance(names, set | frozenset) else names)
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
