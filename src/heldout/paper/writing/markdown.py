"""Markdown: tables with pipes (GitHub's dialect), text in which nothing is taken for markup."""

from __future__ import annotations

import re

from heldout.paper.document import Bullets, Document, Heading, Listing, Paragraph, Part, heading, shown
from heldout.report.blocks import Table
from heldout.shown import shown as visible

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$!])")
"""Signs that Markdown, or a dialect with mathematics, may take for markup."""

LINE_START = re.compile(r"^(\s*)([-+=]|\d+[.)])(?=\s|$)")
"""What begins a list, or underlines a heading, at the beginning of a line."""


FENCE, NO_FENCE = "```", "` ` `"
"""Around lines as they stand, and what stands in them in its place."""


def escaped(text: str) -> str:
    r"""Text as it is, whatever signs it holds.

    >>> escaped("a_b | *c* [TO FILL: x]")
    'a\\_b \\| \\*c\\* [TO FILL: x]'
    """
    safe = SPECIAL.sub(r"\\\1", visible(" ".join(text.split()))).replace("&", "&amp;")
    safe = LINE_START.sub(r"\1\\\2", safe)
    return re.sub(r"\\\[TO FILL: (.*?)\\\]", r"[TO FILL: \1]", safe)


def table(block: Table) -> str:
    """A table with its caption above and its notes beneath."""
    columns = block.headings
    head = [escaped(heading(column.heading, column.unit)) for column in columns]
    rule = ["---:" if column.number else ":---" for column in columns]
    rows = [
        [_cell(cell.strong, shown(cell, column.number)) for cell, column in zip(row, columns, strict=True)]
        for row in block.shown
    ]
    lines = [f"**{escaped(block.caption)}**", "", *(f"| {' | '.join(row)} |" for row in (head, rule, *rows))]
    return "\n".join([*lines, *(f"\n{escaped(note)}" for note in block.notes)]) + "\n"


def _cell(strong: bool, text: str) -> str:
    safe = escaped(text)
    return f"**{safe}**" if strong and safe else safe


def part(block: Part) -> str:
    """One part of a document."""
    if isinstance(block, Heading):
        return f"{'#' * block.level} {escaped(block.text)}\n"
    if isinstance(block, Paragraph):
        return " ".join(cited(text, keys) for text, keys in block.sentences) + "\n"
    if isinstance(block, Bullets):
        return "".join(f"- {escaped(item)}\n" for item in block.items)
    if isinstance(block, Listing):
        return f"{FENCE}{block.language}\n{block.text.replace(FENCE, NO_FENCE)}\n{FENCE}\n"
    return table(block)


def cited(text: str, keys: tuple[str, ...]) -> str:
    """A sentence with its sources before the full stop, as pandoc and Quarto read them: `[@holm1979]`."""
    safe = escaped(text)
    if not keys:
        return safe
    where = f" [{'; '.join(f'@{key}' for key in keys)}]"
    return f"{safe[:-1]}{where}." if safe.endswith(".") else f"{safe}{where}"


def document(whole: Document) -> str:
    """The document as one text."""
    return "\n".join([f"# {escaped(whole.title)}\n", *map(part, whole.parts)])
