"""Tables as one long frame of text, each row with the place where a person finds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.data.entries import split_named
from heldout.data.readers.tables import integer, scan_frame, scan_table
from heldout.errors import Problem
from heldout.given.spelling import one_spelling

OWN = ("label", "split", "id", "path", "patient", "site", "seed", "epoch", "candidate")
"""Columns with a meaning of their own, beside those of the classes and of the model."""

ANSWERED = ("predicted", "prediction", "pred")
"""Columns that say again what the classes' columns say; they are passed over."""

CLOSED = ("content", "source", "member", "row", "width", "height", "channels", "bits")
"""Names that the cohort's table has for itself; a further column of such a name is passed over."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Source:
    """One table.

    Attributes:
        table: A `.csv`, `.tsv` or Parquet file, or a data frame.
        part: Part of all its rows where it has no column `split`; empty if it must have one.
        name: What problems call it.
    """

    table: Path | pd.DataFrame
    part: str
    name: str


@dataclass(frozen=True)
class Long:
    """All rows of all tables.

    Attributes:
        frame: Text: the columns of the tables, missing ones empty, and `where`, `table`, `part`, `own_id` (the id, else
            the path, else part and number of the row).
        columns: Columns of the tables, in lower case, each once.
        of_table: Table -> its columns.
        numbered: Whether some table names its images neither by id nor by path.
        notes: Sentences about what is read otherwise than it is written.
    """

    frame: pd.DataFrame
    columns: tuple[str, ...]
    of_table: Mapping[str, frozenset[str]]
    numbered: bool
    notes: tuple[str, ...] = ()

    def lacking(self, column: str) -> Mask:
        """(n,) rows of tables that have no such column."""
        without = [table for table, columns in self.of_table.items() if column not in columns]
        found: Mask = self.frame["table"].isin(without).to_numpy()
        return found


def read_rows(sources: Sequence[Source], required: tuple[str, ...] = ("label",)) -> tuple[Long, list[Problem]]:
    """Read tables; what is wrong with columns and parts comes beside the rows.

    Args:
        sources: The tables.
        required: Columns that each has to have.
    """
    frames, problems = [], []
    columns: dict[str, None] = {}
    of_table: dict[str, frozenset[str]] = {}
    numbered = False
    for source in sources:
        if isinstance(source.table, Path):
            rows, found = scan_table(source.table, required, OWN)
        else:
            rows, found = scan_frame(source.table, source.name, required, OWN)
        problems += found
        header = list(rows[0][1]) if rows else []
        columns |= dict.fromkeys(header)
        of_table[source.name] = frozenset(header)
        if not rows:
            if not found:
                problems.append(Problem(source.name, "no rows", "a row an image", "Write the predictions into it."))
            continue
        frame = pd.DataFrame([tuple(cells.values()) for _, cells in rows], columns=header, dtype=object)
        word = "line" if isinstance(source.table, Path) and source.table.suffix.lower() in (".csv", ".tsv") else "row"
        frame["where"] = [f"{source.name} {word} {line}" for line, _ in rows]
        frame["table"] = source.name
        problems += _parts(frame, source)
        numbered |= not {"id", "path"} & set(header)
        frames.append(frame)
    notes = one_spelling(frames)
    for frame in frames:
        frame["own_id"] = _ids(frame)
    together = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"where": [], "table": [], "part": []})
    for column in (*OWN, "own_id"):
        if column not in together:
            together[column] = ""
    return Long(together.astype(object).fillna(""), tuple(columns), of_table, numbered, notes), problems


def _parts(frame: pd.DataFrame, source: Source) -> list[Problem]:
    """Set the column `part`."""
    if "split" not in frame:
        frame["part"] = source.part
        if source.part:
            return []
        remedy = "Add the column, or give two tables: validation first, then test."
        return [Problem(f"{source.name} line 1", "no column split", "the part of each row: train, val, test", remedy)]
    frame["part"] = [split_named(text) for text in frame["split"]]
    return gathered(
        frame,
        (frame["part"] == "").to_numpy(),
        lambda at: f"the split '{frame['split'][at]}'",
        "train, val (or valid, validation) or test",
        "Correct the split.",
    )


def _ids(frame: pd.DataFrame) -> list[str]:
    """Id, else path, else part and number of the row."""
    for column in ("id", "path"):
        if column in frame:
            return [str(text).replace("\\", "/") for text in frame[column]]
    number = frame.groupby("part").cumcount() + 1
    return [f"{part or 'row'}-{n}" for part, n in zip(frame["part"], number, strict=True)]


def gathered(
    frame: pd.DataFrame, wrong: Mask, found: Callable[[int], str], expected: str, remedy: str
) -> list[Problem]:
    """One problem a table for all rows that are wrong in one way, which names the first and counts the others.

    Args:
        frame: With an index 0 … n − 1 and the columns `table` and `where`.
        wrong: (n,) the rows.
        found: Says of a row, by its number, what is there.
        expected: What should be there.
        remedy: What to do.
    """
    problems = []
    for _, rows in frame[wrong].groupby("table", sort=False):
        first = int(rows.index[0])
        more = f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""
        problems.append(Problem(f"{frame['where'][first]}{more}", found(first), expected, remedy))
    return problems


def whole_text(text: str) -> str:
    """`1.0` -> `1`, as a class that went through a column of floats is written; anything else as it is."""
    value = integer(text) if "." in text else None
    return text if value is None else str(value)
