"""Where searches for a recipe are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from heldout.errors import InputError
from heldout.records.codec import read_record
from heldout.records.selection import Selection


def selection_of(file: Path) -> Selection | None:
    """What a search found so far; None where none was begun.

    Raises:
        InputError: The record is damaged.
    """
    return read_record(Selection, file) if file.exists() else None


def ended_selections(study: Path) -> Iterator[tuple[Path, Selection]]:
    """The searches of a study's folder that recommend something, with their files; damaged ones are passed over."""
    for file in sorted((study / "auto").glob("[!.]*.json")):
        with suppress(InputError):
            found = read_record(Selection, file)
            if found.chosen is not None:
                yield file, found


def answers_of(file: Path) -> Path:
    """Where the candidates' answers stand beside the record."""
    return file.with_suffix(".parquet")
