"""The data behind a table or a figure, as its CSV button saves it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from heldout import shown

Raw = str | int | float | bool | None
"""A value as it goes into a CSV: unrounded, None for an empty cell."""


@dataclass(frozen=True)
class Sheet:
    """The data behind a table or a figure, as saved by its CSV button.

    Attributes:
        header: Names of the columns.
        rows: One tuple a row, as long as the header.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[Raw, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"a row of {len(row)} values under {len(self.header)} headings: {row}")

    def csv(self) -> str:
        """RFC 4180 text: CRLF, numbers with all their digits, names that a spreadsheet would run in quotes."""
        stream = io.StringIO()
        writer = csv.writer(stream)
        plain = (
            [shown.cell(value) if isinstance(value, str) else value for value in row]
            for row in (self.header, *self.rows)
        )
        writer.writerows([["" if value is None else value for value in row] for row in plain])
        return stream.getvalue()


def sheet(header: Sequence[str], rows: Sequence[Sequence[Raw]]) -> Sheet:
    """A `Sheet` from lists."""
    return Sheet(tuple(header), tuple(tuple(row) for row in rows))
