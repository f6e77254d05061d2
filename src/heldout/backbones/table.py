"""The catalogue on disk: one row a set of weights, made by `scripts/make_catalogue.py`, read without torch."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from heldout.files import cache_folder, whole
from heldout.records import BackboneInfo

SHIPPED = Path(__file__).parent / "catalogue.csv"


@dataclass(frozen=True)
class Entry:
    """A row of the catalogue: what is told about the weights, and what loading them needs.

    Attributes:
        info: What is told.
        default: Whether a short name means these weights among those of its source and architecture.
        file: Name of the weights file in the cache of its library, or empty.
        hub: Repository on the model hub that holds the file, or empty.
        url: Where the file is fetched from if it is not on the hub, or empty.
        classes: Number of outputs of the original classifier; 0 without one.
        measured: Height and width in pixels of the input that multiply-adds are stated for, `224x224`.
    """

    info: BackboneInfo
    default: bool = False
    file: str = ""
    hub: str = ""
    url: str = ""
    classes: int = 1000
    measured: str = ""


@dataclass(frozen=True)
class Table:
    """All entries and the versions of the libraries they were read from."""

    entries: tuple[Entry, ...]
    versions: dict[str, str]


INFO_COLUMNS = tuple(field.name for field in fields(BackboneInfo))
ENTRY_COLUMNS = tuple(field.name for field in fields(Entry) if field.name != "info")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def write_table(path: Path, table: Table) -> None:
    """Write a table whole: a line with the versions, the column names, one row an entry in the order of names."""
    with whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write("# " + " ".join(f"{name}={number}" for name, number in table.versions.items()) + "\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*INFO_COLUMNS, *ENTRY_COLUMNS])
        for entry in sorted(table.entries, key=lambda entry: entry.info.name):
            told = [_text(getattr(entry.info, column)) for column in INFO_COLUMNS]
            writer.writerow([*told, *(_text(getattr(entry, column)) for column in ENTRY_COLUMNS)])


def _triple(text: str) -> tuple[float, float, float]:
    a, b, c = map(float, text.split())
    return a, b, c


def _number(row: dict[str, str], column: str) -> float | None:
    return float(row[column]) if row[column] else None


def _entry(row: dict[str, str]) -> Entry:
    info = BackboneInfo(
        name=row["name"],
        source=row["source"],
        architecture=row["architecture"],
        tag=row["tag"],
        acc1=_number(row, "acc1"),
        acc5=_number(row, "acc5"),
        params=int(row["params"]),
        gflops=_number(row, "gflops"),
        file_mb=_number(row, "file_mb"),
        input_size=int(row["input_size"]),
        mean=_triple(row["mean"]),
        std=_triple(row["std"]),
        interpolation=row["interpolation"],
        licence=row["licence"],
        recipe=row["recipe"],
        computed=tuple(row["computed"].split()),
    )
    return Entry(
        info=info,
        default=row["default"] == "True",
        file=row["file"],
        hub=row["hub"],
        url=row["url"],
        classes=int(row["classes"]),
        measured=row["measured"],
    )


def read_table(path: Path) -> Table:
    """Read what `write_table` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        pairs = (word.partition("=") for word in file.readline().removeprefix("#").split())
        versions = {name: number for name, _, number in pairs}
        return Table(entries=tuple(map(_entry, csv.DictReader(file))), versions=versions)


def own_table_path() -> Path:
    """Where `heldout models --refresh` puts a table made from the installed libraries."""
    return cache_folder() / "catalogue.csv"


def table_path() -> Path:
    """The table in use: the user's own where there is one, else the one that comes with the package."""
    own = own_table_path()
    return own if own.is_file() else SHIPPED


@cache
def _read(path: Path, stamp: int) -> Table:
    return read_table(path)


def table() -> Table:
    """The table in use, read once as long as the file stays the same."""
    path = table_path()
    return _read(path, path.stat().st_mtime_ns)
