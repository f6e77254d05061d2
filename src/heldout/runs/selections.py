"""Where a search for a recipe is recorded."""

from __future__ import annotations

from pathlib import Path

from heldout.records.codec import read_record
from heldout.records.selection import Selection


def selection_of(file: Path) -> Selection | None:
    """What a search found so far; None where none was begun.

    Raises:
        InputError: The record is damaged.
    """
    return read_record(Selection, file) if file.exists() else None


def answers_of(file: Path) -> Path:
    """Where the candidates' answers stand beside the record."""
    return file.with_suffix(".parquet")
