"""What an experiment leaves: `<name>.json`, written last, and, if it has logits, `<name>.parquet`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from heldout.errors import InputError, Problem
from heldout.files import hash_of, read_json, write_json
from heldout.records.codec import SEAL
from heldout.records.table_file import checksum_of, load_table, save_table

CHECKSUM = "checksum"
"""Field of the JSON: CRC-32 of the table; results of 0.1.0 have none."""

REMEDY = "`heldout diagnose` makes it anew."


def write_result(place: Path, about: Mapping[str, Any], table: pd.DataFrame | None) -> None:
    """The table first, its JSON last: a JSON file says that the table is whole.

    Args:
        place: `experiments/<name>.json`.
        about: What the JSON says.
        table: The logits; None or empty without any.
    """
    file = place.with_suffix(".parquet")
    known = {name: value for name, value in about.items() if name not in (CHECKSUM, SEAL)}
    if table is None or table.empty:
        file.unlink(missing_ok=True)
    else:
        save_table(table, file)
        known[CHECKSUM] = checksum_of(file)
    write_json(place, {**known, SEAL: hash_of(known, 16)})


def read_about(place: Path) -> Mapping[str, Any]:
    """What the JSON says; empty where there is nothing that can be read, or it was changed."""
    try:
        about = read_json(place)
        if not isinstance(about, dict):
            return {}
        if SEAL not in about:
            return {} if CHECKSUM in about else about  # who wrote a checksum wrote a seal: its name was changed
        sealed = {name: value for name, value in about.items() if name != SEAL}
        return about if about[SEAL] == hash_of(sealed, 16) else {}
    except (OSError, ValueError, RecursionError):
        return {}


def is_sound(place: Path, about: Mapping[str, Any]) -> bool:
    """Whether the table is the one that the JSON was written for."""
    try:
        return CHECKSUM not in about or checksum_of(place.with_suffix(".parquet")) == about[CHECKSUM]
    except OSError:
        return False


def read_result(place: Path, remedy: str = REMEDY) -> tuple[Mapping[str, Any], pd.DataFrame | None]:
    """What an experiment left; the table is None where it left none.

    Args:
        place: `experiments/<name>.json`.
        remedy: What to do where it cannot be read.

    Raises:
        InputError: One of the files is damaged, or they are not of one another.
    """
    about = read_about(place)
    if not about:
        raise InputError([Problem(str(place), "a damaged file", "the record of an experiment, in JSON", remedy)])
    file = place.with_suffix(".parquet")
    if not is_sound(place, about):
        raise InputError([Problem(str(file), "another checksum, or no such file", "that of its JSON file", remedy)])
    return about, load_table(file, "the logits of an experiment", remedy) if file.is_file() else None
