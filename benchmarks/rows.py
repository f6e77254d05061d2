"""Rows of a benchmark in a CSV file that grows: appended one by one, so that a call that is cut off loses none."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd


def append(file: Path, columns: Sequence[str], row: Mapping[str, object]) -> None:
    """Add a row; the file begins with the names of the columns.

    Raises:
        ValueError: The row has a column that the file lacks.
    """
    if extra := set(row) - set(columns):
        raise ValueError(f"found the columns {sorted(extra)}; expected some of {list(columns)}")
    file.parent.mkdir(parents=True, exist_ok=True)
    begins = not file.is_file()
    with file.open("a", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, columns, restval="")
        if begins:
            writer.writeheader()
        writer.writerow(row)


def read(file: Path, columns: Sequence[str], words: Sequence[str]) -> pd.DataFrame:
    """All rows; columns of words are text, empty where nothing stands; the last of rows with equal keys counts.

    Args:
        file: Need not be there.
        columns: Names of the columns; those of `words` among them.
        words: Columns of text.
    """
    if not file.is_file():
        return pd.DataFrame(columns=list(columns))
    frame = pd.read_csv(file, dtype=dict.fromkeys(words, str), keep_default_na=True)
    return frame.fillna(dict.fromkeys(words, ""))


class Deadline:
    """A number of minutes, and whether there is time for one more piece of work.

    Args:
        minutes: None for no end.
    """

    def __init__(self, minutes: float | None) -> None:
        self.end = None if minutes is None else time.monotonic() + 60 * minutes
        self.longest = 0.0
        self.begun = time.monotonic()

    def time_for_one_more(self) -> bool:
        """Whether a piece as long as the longest so far would be done in time; begins to time the next."""
        now = time.monotonic()
        self.longest = max(self.longest, now - self.begun)
        self.begun = now
        return self.end is None or now + self.longest <= self.end
