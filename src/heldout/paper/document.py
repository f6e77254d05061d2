"""What a document of a paper is made of: headings, paragraphs with citations, lists, tables; no markup.

Tables are those of the report (`report.blocks.Table`); what a cell shows of a value is decided there, once.
"""

from __future__ import annotations

from dataclasses import dataclass

from heldout.report.blocks import Cell, Table

OPEN = "[TO FILL: "
"""How a gap begins that the records do not fill; it ends with `]`."""


def to_fill(what: str) -> str:
    """A visible gap: what is unknown here is asked for, never guessed.

    >>> to_fill("who labelled the images")
    '[TO FILL: who labelled the images]'
    """
    return f"{OPEN}{what}]"


@dataclass(frozen=True)
class Heading:
    """A heading of level 1, 2 or 3."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Sentences, each with the keys of the sources it rests on.

    Attributes:
        sentences: (text, keys of `references.bib`).
    """

    sentences: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """Lines as they stand: a diagram in text, a command."""

    text: str
    language: str = ""


Part = Heading | Paragraph | Bullets | Listing | Table


@dataclass(frozen=True)
class Document:
    """A document.

    Attributes:
        title: Its title.
        parts: What it holds, in order.
    """

    title: str
    parts: tuple[Part, ...]


def shown(cell: Cell, number: bool) -> str:
    """A cell on one line: `82.5 % (78.4–86.0)`; a name with its second line after a comma."""
    if not cell.note:
        return cell.text
    return f"{cell.text} ({cell.note})" if number else f"{cell.text}, {cell.note}"


def heading(name: str, unit: str) -> str:
    """The heading of a column with its unit."""
    return f"{name} ({unit})" if unit else name
