"""CSV and Parquet as rows of text, each with the line at which a person finds it."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from heldout.errors import InputError, Problem

Row = tuple[int, dict[str, str]]


def read_table(path: Path, required: Sequence[str]) -> list[Row]:
    """Read a table.

    Args:
        path: A `.csv` file (comma, semicolon or tab; UTF-8) or a `.parquet` file.
        required: Columns that must be there.

    Returns:
        (line, column -> text) of every row that is not empty. Column names are in lower case, values without the
        blanks around them, missing values empty. Lines of a CSV are counted as an editor does: the header is line 1.

    Raises:
        InputError: It cannot be read, lacks a column, names one twice, or has a line of another length.
    """
    try:
        header, rows = _parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _csv(path)
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise InputError(
            [
                Problem(
                    path.name,
                    f"a table that cannot be read ({type(error).__name__}: {str(error)[:100]})",
                    "a CSV file in UTF-8, or a Parquet file",
                    "Save it again from the program that made it, as CSV in UTF-8.",
                )
            ]
        ) from error
    columns = [name.strip().lower() for name in header]
    problems = _header_problems(path, columns, required)
    table: list[Row] = []
    for line, values in rows:
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(columns):
            problems.append(
                Problem(
                    f"{path.name} line {line}",
                    f"{len(values)} values",
                    f"{len(columns)}, one a column",
                    "Add or remove commas; put values that hold a comma in double quotes.",
                )
            )
            continue
        table.append((line, {name: value.strip() for name, value in zip(columns, values, strict=True)}))
    if problems:
        raise InputError(problems, title=f"{path.name} cannot be used")
    return table


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
        return header, [(reader.line_num, values) for values in reader]


def _parquet(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    table = pq.read_table(path)
    columns = [[_text(value) for value in column.to_pylist()] for column in table.columns]
    return list(table.column_names), [(row, list(values)) for row, values in enumerate(zip(*columns, strict=True))]


def _text(value: object) -> str:
    """Parquet values as a CSV would hold them: 1.0 becomes `1`, since a column with gaps turns into floats."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _header_problems(path: Path, columns: Sequence[str], required: Sequence[str]) -> list[Problem]:
    problems = []
    missing = [name for name in required if name not in columns]
    if missing:
        problems.append(
            Problem(
                f"{path.name} line 1",
                f"the columns {', '.join(columns) or 'none'}",
                f"the columns {', '.join(required)} among them (missing: {', '.join(missing)})",
                "Name the columns in the first line.",
            )
        )
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        problems.append(
            Problem(f"{path.name} line 1", f"{', '.join(twice)} twice", "every column once", "Rename one of them.")
        )
    return problems
