"""How far a review is: who has read how many, what became of the images, how well readers agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import get_args

from heldout.answer.texts import count, listing
from heldout.review.agreement import Agreement, agreement
from heldout.review.of_study import grades_of
from heldout.review.snapshot import Role, Snapshot
from heldout.review.turns import progress_of
from heldout.review.verdicts import FEWEST_READERS, Outcome, verdicts
from heldout.runs.folder import StudyFiles


@dataclass(frozen=True)
class Person:
    """How far somebody is.

    Attributes:
        name: Their name.
        role: Reads all images, or those that readers differ on.
        read: Images that they have read.
        total: Images that are theirs.
    """

    name: str
    role: Role
    read: int
    total: int


@dataclass(frozen=True)
class Status:
    """How far a review is.

    Attributes:
        images: Images that are to be read.
        outcomes: What became of them -> how many.
        people: Who takes part, in the order in which they joined.
        withdrawn: Readings that were taken back.
        agreement: How well readers agree.
    """

    images: int
    outcomes: dict[Outcome, int]
    people: tuple[Person, ...]
    withdrawn: int
    agreement: Agreement

    @property
    def decided(self) -> int:
        """Images that have a reviewed label."""
        return self.outcomes["agreed"] + self.outcomes["adjudicated"]

    @property
    def reading(self) -> tuple[str, ...]:
        """Readers who are not through: they should not see what came of the review."""
        return tuple(one.name for one in self.people if one.role == "reader" and one.read < one.total)

    @property
    def next_step(self) -> str:
        """What is to be done now, in a sentence."""
        readers = [person for person in self.people if person.role == "reader"]
        if len(readers) < FEWEST_READERS:
            missing = FEWEST_READERS - len(readers)
            return f"{'Two readers have' if missing == 2 else 'Another reader has'} to read the images."
        behind = listing(self.reading)
        if self.outcomes["unread"]:
            return f"{behind} {'have' if len(self.reading) > 1 else 'has'} to read on."
        if self.outcomes["disputed"]:
            images = count(self.outcomes["disputed"], "image")
            return f"Somebody who is no reader has to decide the {images} on which readers differ."
        if behind:
            return f"Every image was read by two. Wait for {behind}, or have the labels counted."
        return "All images are read: have the labels counted."


def status_of(study: StudyFiles, snapshot: Snapshot) -> Status:
    """How far a review is."""
    patients = dict(zip(study.cohort.table["id"], study.cohort.table["patient"], strict=True))
    counted = Counter(one.outcome for one in verdicts(snapshot))
    people = []
    for reader in snapshot.readers:
        progress = progress_of(reader, snapshot)
        people.append(Person(reader.name, reader.role, progress.read, progress.total))
    return Status(
        images=len(snapshot.images),
        outcomes={name: counted[name] for name in get_args(Outcome)},
        people=tuple(people),
        withdrawn=snapshot.withdrawn,
        agreement=agreement(snapshot, patients, grades_of(study)),
    )
