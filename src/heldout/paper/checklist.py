"""Reporting checklists: one data file each, filled by the statements that the records support, and by nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from heldout.errors import HeldoutError
from heldout.paper.document import Document, Heading, Paragraph, to_fill
from heldout.paper.statement import Statement
from heldout.report.blocks import Cell, Column, Table

FOLDER = Path(__file__).parent / "checklists"

Status = Literal["filled", "partly", "open"]

SIGNS: dict[Status, str] = {"filled": "● filled", "partly": "◐ partly", "open": "○ open"}

KEYS = {"number", "section", "topic", "from", "also", "write"}

CHECK = (
    "Item numbers and topics are paraphrased in our own words, and were compared with transcriptions of the published "
    "list, not with the publication itself: check them against it before this goes to a journal. An item is filled "
    "where everything it asks for stands in the records of the study, partly where something remains to be written, "
    "open where the records hold nothing. Whether an item applies, and whether what is written is enough, is for the "
    "authors to judge."
)


@dataclass(frozen=True)
class Item:
    """One row of a checklist.

    Attributes:
        number: As published.
        section: Part of the paper.
        topic: What it asks for, in our words.
        needs: Keys of the statements that fill it, all of them; none where no record can.
        also: What remains to be written even though they are there.
        write: What to write where nothing is recorded.
    """

    number: str
    section: str
    topic: str
    needs: tuple[str, ...] = ()
    also: str = ""
    write: str = ""


@dataclass(frozen=True)
class Checklist:
    """A checklist.

    Attributes:
        slug: Name of its file.
        name: What it is called.
        title: What it is for.
        source: Key in `references.toml`.
        items: Its rows, in order.
    """

    slug: str
    name: str
    title: str
    source: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Answered:
    """An item with what the records say to it.

    Attributes:
        item: The row.
        status: Whether it is filled.
        said: The statements that fill it.
        left: What remains to be written.
    """

    item: Item
    status: Status
    said: tuple[Statement, ...]
    left: tuple[str, ...]


def checklists() -> tuple[Checklist, ...]:
    """All of them, by the names of their files.

    Raises:
        HeldoutError: A file has a field that is not known, or another number of rows than it says.
    """
    return tuple(read(path) for path in sorted(FOLDER.glob("*.toml")))


def read(path: Path) -> Checklist:
    """One checklist from its file.

    Raises:
        HeldoutError: A field that is not known, rows that are missing or stand twice.
    """
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = data["items"]
    unknown = sorted({key for row in rows for key in row} - KEYS)
    numbers = [row["number"] for row in rows]
    if unknown or len(set(numbers)) != len(numbers) or len(numbers) != data["count"]:
        raise HeldoutError(
            f"{path.name}: found {len(set(numbers))} rows and the fields {', '.join(unknown) or 'that are known'}; "
            f"expected {data['count']} rows, each number once, of {', '.join(sorted(KEYS))}."
        )
    items = tuple(
        Item(
            row["number"],
            row["section"],
            row["topic"],
            tuple(row.get("from", ())),
            row.get("also", ""),
            row.get("write", ""),
        )
        for row in rows
    )
    return Checklist(path.stem, data["name"], data["title"], data["source"], items)


def answered(item: Item, statements: Mapping[str, Sequence[Statement]]) -> Answered:
    """What the records say to an item.

    It is filled only where every statement that it needs is there, none of them has a gap, and nothing else is asked.
    """
    present = [one for key in item.needs for one in statements.get(key, ())]
    said = tuple(one for one in present if one.known)
    missing = [key for key in item.needs if not statements.get(key)]
    left = [one.gap for one in present if one.gap]
    if not said:
        return Answered(item, "open", (), (item.write or item.also, *(() if item.write else left)))
    if missing or left or item.also:
        rest = [item.write] if missing and item.write else []
        return Answered(item, "partly", said, tuple(dict.fromkeys(filter(None, (*left, item.also, *rest)))))
    return Answered(item, "filled", said, ())


def document(checklist: Checklist, statements: Mapping[str, Sequence[Statement]], where: Mapping[str, str]) -> Document:
    """The checklist as a document.

    Args:
        checklist: Which one.
        statements: Key -> the statements of that key.
        where: Beginning of a key (its topic) -> where its statements stand.
    """
    rows = [answered(item, statements) for item in checklist.items]
    columns = (
        Column("Item"),
        Column("Asks for", say=True),
        Column("Status"),
        Column("Text", say=True),
        Column("Stands in"),
    )
    parts: list[Heading | Paragraph | Table] = [
        Paragraph(((CHECK, (checklist.source,)),)),
        Paragraph(((tally(rows), ()),)),
    ]
    for section in dict.fromkeys(row.item.section for row in rows):
        own = [row for row in rows if row.item.section == section]
        cells = tuple(_cells(row, where) for row in own)
        parts.append(Table(f"{checklist.slug}-{own[0].item.number}", section, columns, cells, prose=True))
    return Document(f"{checklist.name}: {checklist.title}", tuple(parts))


def tally(rows: Sequence[Answered]) -> str:
    """How many rows have each status."""
    numbers = {status: sum(row.status == status for row in rows) for status in SIGNS}
    told = ", ".join(f"{number} {status}" for status, number in numbers.items())
    return f"Of {len(rows)} rows: {told}."


def _cells(row: Answered, where: Mapping[str, str]) -> tuple[Cell, ...]:
    text = " ".join([*(one.known for one in row.said), *map(to_fill, row.left)])
    places = list(dict.fromkeys(where.get(one.key.partition(".")[0], "") for one in row.said))
    return (
        Cell(row.item.number),
        Cell(row.item.topic),
        Cell(SIGNS[row.status]),
        Cell(text),
        Cell("; ".join(filter(None, places)) or "–"),
    )
