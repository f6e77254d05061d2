"""CSV and Parquet as rows of text, each with the line at which a person finds it."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from heldout.data.readers.limits import refuse_table
from heldout.errors import InputError, Problem


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


Row = tuple[int, Cells]


def read_table(path: Path, required: Sequence[str], own: Sequence[str]) -> list[Row]:
    """Read a table.

    Args:
        path: A `.csv` file (comma, semicolon or tab; UTF-8) or a `.parquet` file.
        required: Columns that must be there.
        own: Columns that the reader uses itself; `Cells.further` has the others.

    Returns:
        (line, column -> text) of every row that is not empty. Column names are in lower case, values without the
        blanks around them, missing values empty. Lines of a CSV are counted as an editor does: the header is line 1.

    Raises:
        InputError: It cannot be read, lacks a column, names one twice, or has a line of another length.
    """
    table, problems = scan_table(path, required, own)
    if problems:
        raise InputError(problems, title=f"{path.name} cannot be used")
    return table


def scan_table(path: Path, required: Sequence[str], own: Sequence[str]) -> tuple[list[Row], list[Problem]]:
    """Like `read_table`, with its problems beside the rows that can be read, for callers that have more to find."""
    refused = refuse_table(path)
    if refused is not None:
        return [], [refused]
    try:
        header, rows = _parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _csv(path)
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        if isinstance(error, FileNotFoundError):
            return [], [Problem(str(path), "no such file", "a CSV or Parquet file", "Check the path.")]
        problem = Problem(
            path.name,
            f"a table that cannot be read ({type(error).__name__}: {str(error)[:100]})",
            "a CSV file in UTF-8, or a Parquet file",
            "Save it again from the program that made it, as CSV in UTF-8.",
        )
        return [], [problem]
    return _scan(path.name, header, rows, required, own)


def scan_frame(
    frame: pd.DataFrame, name: str, required: Sequence[str], own: Sequence[str]
) -> tuple[list[Row], list[Problem]]:
    """The same of a table in memory; its rows are counted from 0."""
    columns = [[_text(value) for value in frame.iloc[:, at].tolist()] for at in range(frame.shape[1])]
    rows = [(row, list(values)) for row, values in enumerate(zip(*columns, strict=True))]
    return _scan(name, [str(column) for column in frame.columns], rows, required, own)


def _scan(
    name: str, header: Sequence[str], rows: Iterable[tuple[int, list[str]]], required: Sequence[str], own: Sequence[str]
) -> tuple[list[Row], list[Problem]]:
    """The rows of a table, and what is wrong with it; `name` is what problems call it."""
    columns = [name_.strip().lower() for name_ in header]
    problems = _header_problems(name, columns, required)
    places = {column: at for at, column in enumerate(columns)}
    shared = Columns(places, {column: at for column, at in places.items() if column not in own})
    table: list[Row] = []
    for line, values in rows:
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(columns):
            problems.append(
                Problem(
                    f"{name} line {line}",
                    f"{len(values)} values",
                    f"{len(columns)}, one a column",
                    "Add or remove commas; put values that hold a comma in double quotes.",
                )
            )
            continue
        table.append((line, Cells(shared, tuple(value.strip() for value in values))))
    return table, problems


def integer(text: str) -> int | None:
    """`17` or `17.0` -> 17; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if math.isfinite(value) and value.is_integer() else None


def _csv(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:  # Excel puts a byte order mark in front
        first = file.readline()
        file.seek(0)
        reader = csv.reader(file, delimiter=max(",;\t", key=first.count))
        header = next(reader, [])
        return header, [(reader.line_num, values) for values in _sharing(reader)]


def _sharing(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    """The rows; a text that is the same as in the row above is the same object, and held once."""
    above: list[str] = []
    for row in rows:
        if len(row) == len(above):
            row = [old if old == new else new for old, new in zip(above, row, strict=True)]
        above = row
        yield row


def _parquet(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    table = pq.read_table(path)
    columns = [[_text(value) for value in column.to_pylist()] for column in table.columns]
    return list(table.column_names), [(row, list(values)) for row, values in enumerate(zip(*columns, strict=True))]


def _text(value: object) -> str:
    """Parquet values as a CSV would hold them: 1.0 becomes `1`, since a column with gaps turns into floats."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _header_problems(table: str, columns: Sequence[str], required: Sequence[str]) -> list[Problem]:
    problems = []
    missing = [name for name in required if name not in columns]
    if missing:
        problems.append(
            Problem(
                f"{table} line 1",
                f"the columns {', '.join(columns) or 'none'}",
                f"the columns {', '.join(required)} among them (missing: {', '.join(missing)})",
                "Name the columns in the first line.",
            )
        )
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        problems.append(
            Problem(f"{table} line 1", f"{', '.join(twice)} twice", "every column once", "Rename one of them.")
        )
    return problems
