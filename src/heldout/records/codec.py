"""Records to JSON and back, every value checked against its type on the way in."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Hashable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from heldout.errors import InputError, Problem
from heldout.files import hash_of, read_json, write_json

R = TypeVar("R")

SEAL = "hash"
"""Field of a sealed record: a hash of all others."""

REMEDY = "The file was changed by hand or by another version; make it again."


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


LATER = {"later": True}
"""Metadata of a field that records gained later: where it has its default it is not written, so that a record that says
nothing new keeps its bytes and its hash."""


def to_data(record: Any) -> Any:
    """A record as plain JSON values; fields marked `LATER` are left out where they say nothing."""
    data = _adapter(cast(Hashable, type(record))).dump_python(record, mode="json")
    for field in dataclasses.fields(record) if dataclasses.is_dataclass(record) else ():
        value = getattr(record, field.name)
        if field.metadata.get("later") and value == field.default:
            del data[field.name]
        elif dataclasses.is_dataclass(value):
            data[field.name] = to_data(value)
    return data


def from_data(kind: type[R], data: Any, where: str) -> R:
    """Plain JSON values to a record.

    Raises:
        InputError: The values do not fit; every field that is off is listed.
    """
    _refuse_later(kind, data, where)
    _refuse_changed(data, where)
    try:
        record: R = _adapter(cast(Hashable, kind)).validate_python(data)
    except ValidationError as error:
        raise InputError(
            [
                Problem(
                    where=f"{where}, field {'.'.join(map(str, item['loc'])) or '(whole)'}",
                    found=json.dumps(item.get("input"), default=str)[:80],
                    expected=item["msg"],
                    remedy=REMEDY,
                )
                for item in error.errors()
            ],
            title=f"{where} is not a valid {kind.__name__}",
        ) from error
    return record


def write_sealed(path: Path, record: Any, make_folder: bool = True) -> None:
    """Write a record with a hash of itself, so that a changed one is noticed: for records whose numbers are reported.

    Args:
        path: The file.
        record: A dataclass.
        make_folder: As for `files.whole`.
    """
    data = to_data(record)
    write_json(path, {**data, SEAL: hash_of(data, 16)}, make_folder)


def _refuse_changed(data: Any, where: str) -> None:
    """Stop before a sealed record is believed that was changed."""
    if not isinstance(data, dict) or SEAL not in data:
        return
    found = hash_of({name: value for name, value in data.items() if name != SEAL}, 16)
    if found != data[SEAL]:
        raise InputError(
            [Problem(where, f"content of hash {found}", f"{data[SEAL]}, as was written", REMEDY)],
            title=f"{where} was changed",
        )


def _refuse_later(kind: type[R], data: Any, where: str) -> None:
    """Stop before a record of a later version is taken for one of ours."""
    known = getattr(kind, "format", None)
    if not isinstance(known, int) or not isinstance(data, dict):
        return
    check_format(data.get("format", known), known, where)


def check_format(found: object, known: int, where: str) -> None:
    """Refuse the format of a record that this version does not know.

    Args:
        found: Its `format`.
        known: The latest that is known.
        where: The file, for the message.

    Raises:
        InputError: It is none from 1 to `known`.
    """
    if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= known:
        return
    remedy = "A later heldout wrote it, or it was changed by hand: install that version, or make the file again."
    raise InputError(
        [Problem(f"{where}, field format", json.dumps(found, default=str)[:80], f"a number from 1 to {known}", remedy)],
        title=f"{where} is not of a format that this version reads",
    )


def write_record(path: Path, record: Any, make_folder: bool = True) -> None:
    """Write a record as JSON, whole or not at all."""
    write_json(path, to_data(record), make_folder)


AGAIN = "Check the path, or make the file again."
"""What to do about a file that is missing or is no JSON, where its reader knows no better."""


def read_record(kind: type[R], path: Path, remedy: str = AGAIN) -> R:
    """Read a record written by `write_record`.

    Args:
        kind: Which record.
        path: The file.
        remedy: What to do where it is missing or no JSON.

    Raises:
        InputError: The file is missing, is no JSON, or does not fit.
    """
    return from_data(kind, read_data(kind, path, remedy), str(path))


def read_data(kind: type[R], path: Path, remedy: str = AGAIN) -> Any:
    """The plain values of a record's file, unchecked: files of earlier versions are brought up to date first.

    Args:
        kind: Which record.
        path: The file.
        remedy: What to do where it is missing or no JSON.

    Raises:
        InputError: The file is missing or is no JSON.
    """
    try:
        return read_json(path)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError([Problem(str(path), str(error), f"a {kind.__name__} in JSON", remedy)]) from error
