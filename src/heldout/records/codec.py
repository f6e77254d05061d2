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
from heldout.files import write_json

R = TypeVar("R")


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
        if field.metadata.get("later") and getattr(record, field.name) == field.default:
            del data[field.name]
    return data


def from_data(kind: type[R], data: Any, where: str) -> R:
    """Plain JSON values to a record.

    Raises:
        InputError: The values do not fit; every field that is off is listed.
    """
    try:
        record: R = _adapter(cast(Hashable, kind)).validate_python(data)
    except ValidationError as error:
        raise InputError(
            [
                Problem(
                    where=f"{where}, field {'.'.join(map(str, item['loc'])) or '(whole)'}",
                    found=json.dumps(item.get("input"), default=str)[:80],
                    expected=item["msg"],
                    remedy="The file was changed by hand or by another version; make it again.",
                )
                for item in error.errors()
            ],
            title=f"{where} is not a valid {kind.__name__}",
        ) from error
    return record


def write_record(path: Path, record: Any) -> None:
    """Write a record as JSON, whole or not at all."""
    write_json(path, to_data(record))


def read_record(kind: type[R], path: Path) -> R:
    """Read a record written by `write_record`.

    Raises:
        InputError: The file is missing, is no JSON, or does not fit.
    """
    return from_data(kind, read_data(kind, path), str(path))


def read_data(kind: type[R], path: Path) -> Any:
    """The plain values of a record's file, unchecked: files of earlier versions are brought up to date first.

    Raises:
        InputError: The file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            [Problem(str(path), str(error), f"a {kind.__name__} in JSON", "Check the path, or make the file again.")]
        ) from error
