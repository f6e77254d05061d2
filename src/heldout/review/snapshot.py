"""What stands in a review at one moment: its people, its images, and what was read and not taken back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from unicodedata import normalize

from heldout.errors import UsageError

Role = Literal["reader", "adjudicator"]

LONGEST_NAME = 60
"""Signs of a reader's name, so that it fits a line of the page."""


@dataclass(frozen=True)
class Reader:
    """A person.

    Attributes:
        number: In the order in which they joined.
        name: As they wrote it.
        role: Reads all images, or those that readers differ on.
        seed: Of the order that images are shown in.
        joined: When, UTC.
    """

    number: int
    name: str
    role: Role
    seed: str
    joined: str


@dataclass(frozen=True)
class Image:
    """An image that is to be read.

    Attributes:
        number: In the order in which they were asked for.
        id: As the cohort calls it.
        token: Its name in the review, which tells nothing of it.
    """

    number: int
    id: str
    token: str


@dataclass(frozen=True)
class Reading:
    """What a person saw in an image, and did not take back.

    Attributes:
        number: In the order in which they were written.
        reader: Number of the reader.
        image: Number of the image.
        label: A class; None where they could not tell.
        at: When, UTC.
    """

    number: int
    reader: int
    image: int
    label: str | None
    at: str


@dataclass(frozen=True)
class Snapshot:
    """All that stands in a review at one moment.

    Attributes:
        classes: What an image may be.
        readers: In the order in which they joined.
        images: In the order in which they were asked for.
        readings: Those that were not taken back, in the order in which they were written.
        withdrawn: How many were.
    """

    classes: tuple[str, ...]
    readers: tuple[Reader, ...]
    images: tuple[Image, ...]
    readings: tuple[Reading, ...]
    withdrawn: int

    def named(self, name: str) -> Reader:
        """A reader by name.

        Raises:
            UsageError: Nobody of that name has joined.
        """
        key = key_of(name)
        for reader in self.readers:
            if key_of(reader.name) == key:
                return reader
        known = ", ".join(reader.name for reader in self.readers) or "nobody yet"
        raise UsageError(f"Found the reader '{name}'; expected one who joined this review: {known}.")

    @cached_property
    def by_reader(self) -> dict[int, dict[int, Reading]]:
        """Reader -> image -> what they saw."""
        found: dict[int, dict[int, Reading]] = {reader.number: {} for reader in self.readers}
        for reading in self.readings:
            found[reading.reader][reading.image] = reading
        return found


def clean_name(name: str) -> str:
    """A name as it is kept: composed, with single blanks.

    Raises:
        UsageError: It is empty, too long, or holds signs that cannot be seen.
    """
    shown = " ".join(normalize("NFC", name).split())
    if not shown or len(shown) > LONGEST_NAME or not shown.isprintable():
        raise UsageError(
            f"Found a name of {len(shown)} signs{'' if shown.isprintable() else ', some of which cannot be seen'}; "
            f"expected 1 to {LONGEST_NAME} that can be seen. Write it anew."
        )
    return shown


def key_of(name: str) -> str:
    """By what names are told apart: `Ada Lovelace` and `ada  lovelace` are one person."""
    return " ".join(normalize("NFKC", name).casefold().split())
