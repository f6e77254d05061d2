"""An output as Markdown and as plain text: for exports, for terminals, and for those who read a notebook's file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from heldout.notebook.blocks import Block, Causes, Cell, Display, Fold, Grid, Lines
from heldout.shown import shown

SPECIAL = re.compile(r"[\\`*_{}\[\]()#+!|~$-]")
"""What Markdown, its tables and its formulas give a meaning (CommonMark, GFM, MathJax in notebooks)."""


def escaped(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line.

    >>> escaped("a_b <script>")
    'a\\_b &lt;script&gt;'
    """
    plain = SPECIAL.sub(lambda match: f"\\{match[0]}", " ".join(shown(text).split()))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def display_markdown(display: Display) -> str:
    """An output as Markdown; folded detail is left out."""
    parts = [escaped(sentence) for sentence in display.sentences]
    parts += [text for block in display.blocks for text in _markdown(block)]
    return "\n\n".join([*parts, *filter(None, [escaped(display.note)])])


def display_text(display: Display) -> str:
    """An output as plain text; folded detail is left out."""
    parts = [shown(sentence) for sentence in display.sentences]
    parts += [text for block in display.blocks for text in _text(block)]
    return "\n\n".join([*parts, *filter(None, [shown(display.note)])])


def _cells(grid: Grid) -> tuple[list[str], list[list[str]], list[bool]]:
    """Headings, rows and which columns hold numbers, without drawn columns."""
    places = [place for place, column in enumerate(grid.columns) if not column.drawn]
    rows = [[_joined(row[place]) for place in places] for row in grid.rows]
    columns = [grid.columns[place] for place in places]
    return [column.heading for column in columns], rows, [column.number for column in columns]


def _joined(cell: Cell) -> str:
    """A cell on one line: `80.0 % (70.9–88.5)`, `6.2 [3.1, 9.3]`."""
    note = cell.note if cell.note.startswith("[") or not cell.note else f"({cell.note})"
    return " ".join(filter(None, (cell.text, note)))


def _markdown(block: Block) -> list[str]:
    match block:
        case Grid():
            headings, rows, numbers = _cells(block)
            lines = [_row(headings), _row(["---:" if number else "---" for number in numbers], plain=True)]
            table = "\n".join([*lines, *map(_row, rows)])
            return [*([f"**{escaped(block.caption)}**"] if block.caption else []), table]
        case Causes():
            items = [
                f"- {escaped(one.sign)} **{escaped(one.title)}**: {escaped(_told(one.verdict, one.points))} "
                f"{escaped(' '.join(filter(None, (one.sentence, one.remedy))))}"
                for one in block.causes
            ]
            return [f"**{escaped(block.caption)}**", "\n".join(items)]
        case Lines():
            said = [f"**{escaped(block.caption)}**"] if block.caption else []
            return [*said, "\n".join(f"- {escaped(item)}" for item in block.items)]
        case Fold():
            return []


def _row(cells: Sequence[str], plain: bool = False) -> str:
    return f"| {' | '.join(cells if plain else map(escaped, cells))} |"


def _told(verdict: str, points: str) -> str:
    return f"{verdict}, {points} points." if points else f"{verdict}."


def _text(block: Block) -> list[str]:
    match block:
        case Grid():
            headings, rows, numbers = _cells(block)
            table = [[shown(cell) for cell in row] for row in (headings, *rows)]
            widths = [max(len(row[place]) for row in table) for place in range(len(headings))]
            lines = [
                "  ".join(
                    cell.rjust(width) if number else cell.ljust(width)
                    for cell, width, number in zip(row, widths, numbers, strict=True)
                ).rstrip()
                for row in table
            ]
            return ["\n".join([*([shown(block.caption)] if block.caption else []), *lines])]
        case Causes():
            items = [
                f"{one.sign} {one.title}: {_told(one.verdict, one.points)} "
                f"{' '.join(filter(None, (one.sentence, one.remedy)))}"
                for one in block.causes
            ]
            return ["\n".join([shown(block.caption), *map(shown, items)])]
        case Lines():
            return ["\n".join(filter(None, [shown(block.caption), *(f"- {shown(item)}" for item in block.items)]))]
        case Fold():
            return []
