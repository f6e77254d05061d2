"""What a page is made of: the record that is computed first and rendered afterwards.

Plain frozen dataclasses without markup; sections and figures, those of other packages too, are made of them. Every
block has a `kind`, the name of the small template that renders it (`templates/<kind>.html`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from heldout.report.blocks_diagnosis import Cause as Cause
from heldout.report.blocks_diagnosis import Causes as Causes
from heldout.report.blocks_diagnosis import Gallery as Gallery
from heldout.report.blocks_diagnosis import Headline as Headline
from heldout.report.blocks_diagnosis import Thumb as Thumb
from heldout.report.sheet import Raw as Raw
from heldout.report.sheet import Sheet as Sheet
from heldout.report.sheet import sheet as sheet


@dataclass(frozen=True)
class Cell:
    """One cell of a table: what is shown of it, and what is saved of it.

    Attributes:
        text: What is shown first.
        note: A second, smaller line: the interval.
        saved: Its values in the CSV, unrounded, one a name in its column's `names`; None for the text itself.
        colour: Number of the run's colour for a swatch before the text, or None.
        link: Address the text leads to, or empty.
        mono: Whether the text is code (an id, a hash).
        strong: Whether the text matters more than its neighbours.
        tone: Class of the text's colour (`templates/diagnosis.css`), or empty: a verdict.
    """

    text: str
    note: str = ""
    saved: tuple[Raw, ...] | None = None
    colour: int | None = None
    link: str = ""
    mono: bool = False
    strong: bool = False
    tone: str = ""

    @property
    def values(self) -> tuple[Raw, ...]:
        """What goes into the CSV."""
        return (self.text,) if self.saved is None else self.saved


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: Its name.
        unit: Unit line beneath it.
        number: Whether it holds numbers.
        definition: Anchor of its definition.
        say: Whether it holds sentences, and needs room.
        saved_as: Names of its columns in the CSV, one a saved value of its cells; none and it is left out there. Its
            heading by default.
        shown: Whether the page shows it; a column that is not is in the CSV alone.
    """

    heading: str
    unit: str = ""
    number: bool = False
    definition: str = ""
    say: bool = False
    saved_as: tuple[str, ...] | None = None
    shown: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its columns in the CSV."""
        return (self.heading,) if self.saved_as is None else self.saved_as


@dataclass(frozen=True)
class Table:
    """A table with a caption, shown on the page and saved as CSV; the first cell of each row is the row's heading.

    A table of `prose` holds sentences: it takes the width there is, and on a narrow screen each row becomes a card. A
    `folded` one opens on a click.
    """

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    prose: bool = False
    folded: bool = False
    kind: ClassVar[str] = "table"

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.id}: a row of {len(row)} cells under {len(self.columns)} columns")
            for column, cell in zip(self.columns, row, strict=True):
                if column.names and len(column.names) != len(cell.values):
                    raise ValueError(f"table {self.id}: {cell.values} cannot be saved as {column.names}")

    @property
    def headings(self) -> tuple[Column, ...]:
        """The columns that the page shows."""
        return tuple(column for column in self.columns if column.shown)

    @property
    def shown(self) -> tuple[tuple[Cell, ...], ...]:
        """The rows under `headings`."""
        places = [place for place, column in enumerate(self.columns) if column.shown]
        return tuple(tuple(row[place] for place in places) for row in self.rows)

    @property
    def sheet(self) -> Sheet:
        """The rows as they are saved."""
        places = [place for place, column in enumerate(self.columns) if column.names]
        return Sheet(
            tuple(name for column in self.columns for name in column.names),
            tuple(tuple(value for place in places for value in row[place].values) for row in self.rows),
        )


@dataclass(frozen=True)
class Chart:
    """A figure on the page.

    Attributes:
        id: Anchor, and the name of the saved files.
        title: Heading above it.
        caption: What is drawn and how to read it.
        description: The message in words, for those who do not see it.
        spec: Traces and layout for plotly.js; colours by role (`@run0`, `@ink`), see `templates/figures.js`.
        sheet: The data drawn.
    """

    id: str
    title: str
    caption: str
    description: str
    spec: dict[str, Any]
    sheet: Sheet
    kind: ClassVar[str] = "chart"


@dataclass(frozen=True)
class Charts:
    """Small figures side by side."""

    charts: tuple[Chart, ...]
    kind: ClassVar[str] = "charts"


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "prose"


@dataclass(frozen=True)
class Notes:
    """A list of sentences under a small heading."""

    title: str
    items: tuple[str, ...]
    kind: ClassVar[str] = "notes"


@dataclass(frozen=True)
class Fault:
    """A part of the page that could not be made, and why."""

    title: str
    reason: str
    kind: ClassVar[str] = "fault"


@dataclass(frozen=True)
class Term:
    """A definition: plain words, formula, where it comes from."""

    id: str
    name: str
    words: str
    formula: str = ""
    source: str = ""


@dataclass(frozen=True)
class Terms:
    """A list of definitions."""

    terms: tuple[Term, ...]
    kind: ClassVar[str] = "terms"


@dataclass(frozen=True)
class Commands:
    """Lines to type in a terminal."""

    lines: tuple[str, ...]
    kind: ClassVar[str] = "commands"


@dataclass(frozen=True)
class Fold:
    """Detail that opens on a click, and stands open in print."""

    summary: str
    blocks: tuple[Table | Prose | Notes | Gallery | Fault | Headline | Causes | Chart | Charts | Fold, ...]
    kind: ClassVar[str] = "fold"


Block = Table | Chart | Charts | Prose | Notes | Fault | Terms | Commands | Fold | Headline | Causes | Gallery


@dataclass(frozen=True)
class PageSection:
    """A heading, a sentence that says what to look for, and blocks; a folded one opens on a click."""

    id: str
    title: str
    lead: str
    blocks: tuple[Block, ...]
    folded: bool = False


@dataclass(frozen=True)
class Answer:
    """The first screen.

    Attributes:
        question: One sentence.
        sentences: The answer in plain words.
        facts: (label, value, detail) of the few figures that matter.
        warnings: What a reader must know before believing the answer.
        warned: The same in a few words each.
    """

    question: str
    sentences: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    subtitle: str
    answer: Answer
    first: tuple[Block, ...]
    sections: tuple[PageSection, ...]
    footer: str
