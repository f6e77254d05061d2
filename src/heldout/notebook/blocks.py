"""What an output is made of: sentences, then tables, causes and folded detail; plain data, no markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Tone = Literal["lost", "gained", "whole"]
"""What a bar stands for: points taken from test, points given to it, or a score."""


@dataclass(frozen=True)
class Bar:
    """A bar along the axis that a table's bars share; ends are fractions of it, 0 … 1."""

    start: float
    end: float
    tone: Tone


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What it says.
        note: A second, smaller line: the interval.
        bar: Drawn instead of text; what it says stands in other cells of its row.
    """

    text: str
    note: str = ""
    bar: Bar | None = None


@dataclass(frozen=True)
class Column:
    """A column; `drawn` says that it holds bars, which plain text leaves out."""

    heading: str
    number: bool = False
    drawn: bool = False


@dataclass(frozen=True)
class Grid:
    """A table; the first cell of each row is its heading."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    kind: ClassVar[str] = "grid"

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of {len(row)} cells under {len(self.columns)} columns: {row}")


@dataclass(frozen=True)
class Cause:
    """One cause with its sentence.

    Attributes:
        sign: Of the verdict (`records.terms.VERDICT_SIGNS`).
        verdict: In words.
        title: The cause.
        points: What it takes from test with its interval, or empty.
        sentence: What was found.
        remedy: What to do, or empty.
    """

    sign: str
    verdict: str
    title: str
    points: str
    sentence: str
    remedy: str = ""


@dataclass(frozen=True)
class Causes:
    """A list of causes."""

    caption: str
    causes: tuple[Cause, ...]
    kind: ClassVar[str] = "causes"


@dataclass(frozen=True)
class Lines:
    """A list of sentences under a caption."""

    caption: str
    items: tuple[str, ...]
    kind: ClassVar[str] = "lines"


@dataclass(frozen=True)
class Fold:
    """Detail that opens on a click."""

    summary: str
    blocks: tuple[Grid | Causes | Lines | Display, ...]
    kind: ClassVar[str] = "fold"


Block = Grid | Causes | Lines | Fold


@dataclass(frozen=True)
class Display:
    """One output: the answer in sentences, then what it rests on.

    Attributes:
        sentences: The answer, a paragraph each.
        blocks: What it rests on.
        note: How the intervals were made, in small type.
    """

    sentences: tuple[str, ...]
    blocks: tuple[Block, ...] = ()
    note: str = ""
    kind: ClassVar[str] = "display"


@dataclass(frozen=True)
class ProgressLine:
    """A piece of work as it is shown.

    Attributes:
        title: Its name.
        share: How much of it is done, 0 … 1.
        steps: In words: `3 of 10`.
        time: What it took, or what is left; empty where not known.
        detail: What its last step reached.
    """

    title: str
    share: float
    steps: str
    time: str
    detail: str

    @property
    def text(self) -> str:
        """On one line of plain text."""
        return " · ".join(filter(None, (self.title, self.steps, self.time, self.detail)))
