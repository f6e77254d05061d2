"""The blocks that tell why test is lower: message, causes, images to inspect; `blocks.py` has the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.report.sheet import Sheet, sheet


@dataclass(frozen=True)
class Headline:
    """The message of a section before its detail: a sentence in large type; a paragraph and a few figures on a click.

    Attributes:
        sentence: The message.
        text: The paragraph.
        facts: (label, value, detail).
    """

    sentence: str
    text: str
    facts: tuple[tuple[str, str, str], ...] = ()
    kind: ClassVar[str] = "headline"


@dataclass(frozen=True)
class Cause:
    """A cause of a gap in one sentence.

    Attributes:
        sign: Of its verdict, as a sign and a word.
        tone: Class of the verdict's colour.
        title: What the cause is called.
        points: What it takes from test, with the interval; empty where that is not known.
        sentence: What was found.
        remedy: What to do; may be empty.
        link: Address of its evidence on the page.
    """

    sign: str
    tone: str
    title: str
    points: str
    sentence: str
    remedy: str
    link: str


@dataclass(frozen=True)
class Causes:
    """The causes of a gap, a sentence each, most telling first.

    Attributes:
        causes: Those that are told at length.
        rest: (verdict as sign and word, titles) of the others.
        link: Where all of them stand with everything that was found; empty where nowhere.
        tried: What helped most when it was tried, in a sentence; may be empty.
    """

    causes: tuple[Cause, ...]
    rest: tuple[tuple[str, tuple[str, ...]], ...]
    link: str
    tried: str = ""
    kind: ClassVar[str] = "causes"


@dataclass(frozen=True)
class Thumb:
    """A small picture of an image and what is known of it.

    Attributes:
        id: Id of the image.
        file: Where it came from.
        truth: Name of its class.
        predicted: Name of the class it was given.
        probability: In words, how sure the run was.
        right: Whether the two agree.
        part: Train, validation or test.
        picture: A `data:` address; empty where the pixels are gone.
    """

    id: str
    file: str
    truth: str
    predicted: str
    probability: str
    right: bool
    part: str
    picture: str = ""


@dataclass(frozen=True)
class Gallery:
    """Images of one cause (`code`), most telling first, with their list as CSV."""

    id: str
    title: str
    caption: str
    code: str
    thumbs: tuple[Thumb, ...]
    kind: ClassVar[str] = "gallery"

    @property
    def sheet(self) -> Sheet:
        """The list as it is saved."""
        return sheet(
            ["cause", "id", "file", "part", "label", "predicted", "probability", "right"],
            [[self.code, t.id, t.file, t.part, t.truth, t.predicted, t.probability, t.right] for t in self.thumbs],
        )
