"""Tables of ours in Parquet: every page with a checksum, so that a damaged one is an error and never other numbers."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from heldout.errors import InputError, Problem
from heldout.files import check_regular, open_regular, whole, write_bytes

DAMAGED = "Delete it and call the same command again: it makes only what is missing."


def save_table(table: pd.DataFrame, path: Path, make_folder: bool = True) -> None:
    """Write a table whole or not at all; its index is left out."""
    with whole(path, make_folder) as temporary:
        table.to_parquet(temporary, index=False, write_page_checksum=True)


def save_arrow(table: pa.Table, path: Path) -> None:
    """The same with the file's own metadata; a file that holds this very table is let be."""
    content = pa.BufferOutputStream()
    pq.write_table(table, content, write_page_checksum=True)
    write_bytes(path, content.getvalue().to_pybytes())


def save_pieces(pieces: Iterable[pd.DataFrame], path: Path) -> None:
    """Write a table that is given in pieces of equal columns, whole or not at all; one piece at a time is in memory."""
    with whole(path) as temporary, ExitStack() as opened:
        writer: pq.ParquetWriter | None = None
        for piece in pieces:
            table = pa.Table.from_pandas(piece, preserve_index=False)
            if writer is None:
                writer = opened.enter_context(pq.ParquetWriter(temporary, table.schema, write_page_checksum=True))
            writer.write_table(table)


def load_pieces(
    path: Path, rows: int, expected: str = "a Parquet table", remedy: str = DAMAGED
) -> Iterator[pd.DataFrame]:
    """Read a table in pieces of at most so many rows.

    Raises:
        InputError: As for `load_table`, when the damaged piece is reached.
    """
    try:
        check_regular(path)
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):  # Arrow keeps what it has read of all of them, until the last
                for batch in file.iter_batches(rows, row_groups=[group]):
                    batch.validate(full=True)
                    yield batch.to_pandas()
    except FileNotFoundError as error:
        raise InputError([Problem(str(path), "no such file", expected, remedy)]) from error
    except Exception as error:  # a damaged file makes Arrow raise nearly anything
        raise _damaged(path, error, expected, remedy) from error


def load_table(path: Path, expected: str = "a Parquet table", remedy: str = DAMAGED) -> pd.DataFrame:
    """Read a table; files without checksums, which 0.1.0 wrote, are read as they are.

    Args:
        path: The file.
        expected: What it should be, for the message.
        remedy: What to do where it cannot be read.

    Raises:
        InputError: It is missing, damaged, or no Parquet file.
    """
    table = load_arrow(path, expected, remedy)
    try:
        frame: pd.DataFrame = table.to_pandas()
        return frame
    except Exception as error:  # texts that are none, a description of an index that is not there
        raise _damaged(path, error, expected, remedy) from error


def load_arrow(path: Path, expected: str, remedy: str) -> pa.Table:
    """The same with the file's own metadata.

    Raises:
        InputError: As for `load_table`.
    """
    try:
        check_regular(path)
        table = pq.read_table(path, page_checksum_verification=True)
        table.validate(full=True)  # texts stay in Arrow, which would find bytes that are none only where they are used
        return table
    except FileNotFoundError as error:
        raise InputError([Problem(str(path), "no such file", expected, remedy)]) from error
    except Exception as error:  # a damaged file makes Arrow raise nearly anything
        raise _damaged(path, error, expected, remedy) from error


def _damaged(path: Path, error: Exception, expected: str, remedy: str) -> InputError:
    found = f"a damaged file ({type(error).__name__}: {' '.join(str(error).split())[:120]})"
    return InputError([Problem(str(path), found, expected, remedy)])


def checksum_of(path: Path) -> str:
    """CRC-32 of a small file, in hexadecimal digits.

    Raises:
        OSError: It cannot be read.
    """
    with open_regular(path) as file:
        return f"{zlib.crc32(file.read()):08x}"
