"""Sentences of a paper that are made from the records, and what is asked for where the records hold nothing.

The methods paragraph and the checklists are made of the same statements, so that neither says what the other could not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from heldout.paper.document import to_fill
from heldout.report.material import Material


@dataclass(frozen=True)
class Statement:
    """What the records say of one thing, and what they leave open of it.

    Attributes:
        key: What checklists ask for it by: `split.level`.
        known: One or two sentences; empty where the records hold nothing.
        gap: What the authors have to write, since no record holds it; empty where nothing is missing.
        cites: Keys of the sources (`references.toml`).
    """

    key: str
    known: str = ""
    gap: str = ""
    cites: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.known or self.gap):
            raise ValueError(f"the statement {self.key} neither says nor asks for anything")

    @property
    def sentences(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(sentence, sources): what is known, then the visible gap."""
        known = ((self.known, self.cites),) if self.known else ()
        return (*known, *(((to_fill(self.gap), ()),) if self.gap else ()))


@dataclass(frozen=True)
class Topic:
    """Statements on one thing, bound to `TOPIC` in a file of its own in `statements/`.

    Attributes:
        name: Name on the shelf, and the beginning of its statements' keys.
        title: Heading of its paragraph.
        order: Place among the paragraphs.
        state: The statements that the records of a study support.
        section: Whether they belong to the methods or to the results.
    """

    name: str
    title: str
    order: int
    state: Callable[[Material], Sequence[Statement]]
    section: Literal["methods", "results"] = "methods"


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Text -> names of the runs that it holds of, in order."""
    found: dict[str, list[str]] = {}
    for name, text in pairs:
        found.setdefault(text, []).append(name)
    return found


def alike(pairs: Iterable[tuple[str, str]]) -> str:
    """What holds of all runs in one go; what differs, with the runs of which it holds.

    >>> alike([("a", "32 images"), ("b", "32 images")])
    '32 images'
    >>> alike([("a", "32 images"), ("b", "8 images")])
    '32 images (a); 8 images (b)'
    """
    found = grouped(pairs)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{text} ({', '.join(names)})" for text, names in found.items())
