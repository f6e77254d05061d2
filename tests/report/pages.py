"""What tests of the report ask of a page: its elements, its tables, its data."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser

from heldout.records import Diagnosis
from heldout.report.blocks import Block, Chart, Charts, Fault, Fold, Page, Sheet, Table
from heldout.report.material import Material
from heldout.report.page import compose
from heldout.shown import cell_text

_composed: dict[int, tuple[Material, Page]] = {}
"""Identity of a study -> the study, which is kept so that no other takes its place, and its page."""


def composed(material: Material) -> Page:
    """The page of a study that several tests look at, composed once in a process: none of them changes it.

    What a test patches in the making of a page it composes itself.
    """
    if id(material) not in _composed:
        _composed[id(material)] = material, compose(material)
    return _composed[id(material)][1]


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in self.texts else ""
        if self._inside:
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside][-1] += data


def elements(page: str) -> Elements:
    parser = Elements()
    parser.feed(page)
    return parser


def charts(page: Page) -> list[Chart]:
    blocks = [*page.first, *(block for section in page.sections for block in section.blocks)]
    nested = [block.charts if isinstance(block, Charts) else (block,) for block in blocks]
    return [block for group in nested for block in group if isinstance(block, Chart)]


def every_chart(page: Page) -> list[Chart]:
    """Charts of the whole page, those in folds too."""

    def within(blocks: Iterable[Block]) -> Iterator[Chart]:
        for block in blocks:
            if isinstance(block, Chart):
                yield block
            elif isinstance(block, Charts):
                yield from block.charts
            elif isinstance(block, Fold):
                yield from within(block.blocks)

    return [*within(page.first), *(chart for section in page.sections for chart in within(section.blocks))]


def tables(page: Page) -> dict[str, Table]:
    return {block.id: block for section in page.sections for block in section.blocks if isinstance(block, Table)}


def read(sheet: Sheet) -> list[dict[str, str]]:
    """The rows as they were saved, without the quotes that keep spreadsheets from running names."""
    header, *rows = ([cell_text(value) for value in row] for row in csv.reader(io.StringIO(sheet.csv())))
    return [dict(zip(header, row, strict=True)) for row in rows]


def section(page: Page, id_: str) -> tuple[Block, ...]:
    return next((section.blocks for section in page.sections if section.id == id_), ())


def everything(page: Page) -> list[Block]:
    """Blocks of the three sections on the best run, those in folds too."""
    found: list[Block] = []
    for id_ in ("why", "evidence", "advice"):
        for block in section(page, id_):
            found += [block, *(block.blocks if isinstance(block, Fold) else ())]
    return found


def table(page: Page, id_: str) -> Table:
    return next(block for block in everything(page) if isinstance(block, Table) and block.id == id_)


def faults(page: Page) -> list[Fault]:
    return [block for section in page.sections for block in section.blocks if isinstance(block, Fault)]


def featured(material: Material) -> Diagnosis:
    known = material.featured
    assert known is not None
    return known


def with_diagnosis(material: Material, diagnosis: Diagnosis) -> Material:
    """The study with this diagnosis alone."""
    return dataclasses.replace(material, diagnoses={diagnosis.run: diagnosis})
