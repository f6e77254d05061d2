"""What of the report's page goes into a paper: every table and every figure, once, with a name for its file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from heldout.paper.document import heading, shown
from heldout.report.blocks import Block, Cell, Chart, Charts, Column, Fault, Fold, Page, Table
from heldout.report.figure import CLICK

MOST_COLUMNS = 11
"""Columns that fit a page that lies on its side."""

LONGEST = 80
"""Characters of a file's name; what is longer is cut, and numbered where two become the same."""


@dataclass(frozen=True)
class Collected:
    """Tables and figures by the names of their files, in the order of the page; and what could not be made.

    Attributes:
        tables: Name -> table.
        charts: Name -> chart, its caption as it means something on paper.
        faults: A sentence for each part of the page that failed.
    """

    tables: dict[str, Table]
    charts: dict[str, Chart]
    faults: tuple[str, ...]


def collected(page: Page) -> Collected:
    """Everything of a page that goes into a paper; pictures of images are not ours to publish, and stay."""
    tables: dict[str, Table] = {}
    charts: dict[str, Chart] = {}
    faults = []
    for block in blocks(page):
        if isinstance(block, Table):
            tables[free(block.id, tables)] = turned(block)
        elif isinstance(block, Chart):
            charts[free(block.id, charts)] = replace(block, caption=block.caption.replace(CLICK, ""))
        elif isinstance(block, Fault):
            faults.append(f"{block.title}: {block.reason}")
    return Collected(tables, charts, tuple(faults))


def turned(table: Table) -> Table:
    """A table of many columns and few rows with its columns as rows: twenty settings fit no line of a page."""
    columns, rows = table.headings, table.shown
    if len(columns) <= MOST_COLUMNS or len(rows) >= MOST_COLUMNS:
        return table
    heads = tuple(Column(shown(row[0], number=False)) for row in rows)
    lines = tuple(
        (Cell(heading(column.heading, column.unit)), *(replace(row[place], saved=None) for row in rows))
        for place, column in enumerate(columns)
        if place
    )
    return replace(table, columns=(Column(columns[0].heading), *heads), rows=lines)


def blocks(page: Page) -> Iterator[Block]:
    """Every block of a page, those inside others too."""
    todo = [*page.first, *(block for section in page.sections for block in section.blocks)]
    for block in todo:
        if isinstance(block, Charts):
            yield from block.charts
        elif isinstance(block, Fold):
            yield from block.blocks
        else:
            yield block


def free(id_: str, taken: dict[str, Table] | dict[str, Chart]) -> str:
    """A name for a file, of letters that every file system takes, and not taken yet."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", id_).strip("-.")[:LONGEST] or "unnamed"
    names = {name.casefold() for name in taken}
    name, number = plain, 2
    while name.casefold() in names:
        name, number = f"{plain}-{number}", number + 1
    return name
