"""Which label an image gets: that on which all agree who read it, else the adjudicator's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from heldout.review.snapshot import Image, Reading, Snapshot

FEWEST_READERS = 2
"""Readers that an image needs: what one alone says cannot be told from their own slips."""

Outcome = Literal["unread", "agreed", "disputed", "adjudicated", "undecided"]
"""`unread`: by fewer than two. `disputed`: readers differ, or one could not tell, and nobody has decided yet.
`undecided`: whoever was to decide could not tell either."""


@dataclass(frozen=True)
class Verdict:
    """What became of an image.

    Attributes:
        image: The image.
        outcome: How far it is.
        label: Its reviewed label; None as long as it has none.
        readings: Of the readers, in the order in which they were written.
        decision: Of the adjudicator, where readers differ; None before.
    """

    image: Image
    outcome: Outcome
    label: str | None
    readings: tuple[Reading, ...]
    decision: Reading | None

    @property
    def behind(self) -> tuple[Reading, ...]:
        """Readings that the label is by."""
        if self.label is None:
            return ()
        return self.readings if self.decision is None else (self.decision,)

    @property
    def at(self) -> str:
        """When it was decided; empty as long as it is not."""
        return max((one.at for one in self.behind), default="")


def verdicts(snapshot: Snapshot) -> tuple[Verdict, ...]:
    """What became of every image, in the order in which they were asked for."""
    roles = {reader.number: reader.role for reader in snapshot.readers}
    read: dict[int, list[Reading]] = {}
    decided: dict[int, Reading] = {}
    for reading in snapshot.readings:
        if roles[reading.reader] == "reader":
            read.setdefault(reading.image, []).append(reading)
        else:
            decided.setdefault(reading.image, reading)  # who decides first; another's page then passes over the image
    return tuple(_verdict(image, tuple(read.get(image.number, ())), decided) for image in snapshot.images)


def _verdict(image: Image, readings: tuple[Reading, ...], decided: dict[int, Reading]) -> Verdict:
    labels = {one.label for one in readings}
    if len(readings) < FEWEST_READERS:
        return Verdict(image, "unread", None, readings, None)
    (first, *others) = labels
    if not others and first is not None:
        return Verdict(image, "agreed", first, readings, None)
    decision = decided.get(image.number)
    if decision is None:
        return Verdict(image, "disputed", None, readings, None)
    return Verdict(image, "undecided" if decision.label is None else "adjudicated", decision.label, readings, decision)
