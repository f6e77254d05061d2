"""How large a table may be, asked before it is read; and that it is a file at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from heldout.errors import Problem
from heldout.files import open_regular

MOST_ROWS = 5_000_000
"""Rows of a table: an image each, and no published set of biomedical images has so many."""

MOST_COLUMNS = 10_000
"""Columns of a table: the widest have one a class or a marker."""

MOST_CELLS = 50_000_000
"""Rows times columns: their texts take about 5 GB."""

MOST_BYTES = 2 * 2**30
"""Of a CSV file, whose rows cannot be counted without reading it."""

FIRST = 2**20
"""Bytes in which the header of a CSV must end."""


def refuse_table(path: Path) -> Problem | None:
    """What keeps a table from being read: it is no file, or too large; None where nothing does, or nobody can tell."""
    try:
        with open_regular(path) as file:
            size, first = path.stat().st_size, file.read(FIRST)
    except FileNotFoundError:
        return None  # the reader says so
    except OSError as error:
        found = error.strerror or type(error).__name__
        return Problem(str(path), found, "a CSV or Parquet file", "Check the path and your rights.")
    if path.suffix.lower() in (".parquet", ".pq"):
        return _large_parquet(path)
    return _large_csv(path, size, first)


def _large_parquet(path: Path) -> Problem | None:
    try:
        about = pq.read_metadata(path)
        rows, columns = about.num_rows, about.num_columns
    except Exception:  # a damaged file, which the reader names
        return None
    if rows <= MOST_ROWS and columns <= MOST_COLUMNS and rows * columns <= MOST_CELLS:
        return None
    return _too_large(path, f"{rows:,} rows of {columns:,} columns")


def _large_csv(path: Path, size: int, first: bytes) -> Problem | None:
    header, newline, _ = first.partition(b"\n")
    columns = 1 + max(header.count(mark) for mark in (b",", b";", b"\t"))
    if columns > MOST_COLUMNS:
        return _too_large(path, f"{columns:,} columns or more")
    if size > MOST_BYTES:
        return _too_large(path, f"{size / 2**30:.1f} GiB")
    if not newline and size > FIRST:
        return _too_large(path, f"a first line of more than {FIRST:,} bytes")
    return None


def _too_large(path: Path, found: str) -> Problem:
    expected = (
        f"at most {MOST_ROWS:,} rows, {MOST_COLUMNS:,} columns, {MOST_CELLS:,} cells, and a CSV of "
        f"{MOST_BYTES // 2**30} GiB"
    )
    return Problem(str(path), found, expected, "Keep the columns and rows that are needed.")
