"""Readings on the disk: who read which image as what, and when. Rows are only ever added (`schema`).

What follows from them (whose turn it is, who agrees, which label counts) is told by functions of a `Snapshot`, which
touch no disk.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from heldout.errors import HeldoutError, InputError, Problem, UsageError
from heldout.review.connection import create, transaction
from heldout.review.snapshot import Image, Reader, Reading, Role, Snapshot, clean_name, key_of


class ConflictError(HeldoutError):
    """What was asked for goes against what was written in the meantime: reload and look."""


@dataclass(frozen=True)
class Store:
    """The file of a review.

    Attributes:
        path: Where it is.
        cohort: Hash of the cohort that its images are of.
        split: Hash of the split.
        classes: What an image may be.
    """

    path: Path
    cohort: str
    split: str
    classes: tuple[str, ...]

    @property
    def begun(self) -> bool:
        """Whether there is one."""
        return self.path.exists()

    def begin(self, ids: Iterable[str]) -> None:
        """Begin the review, or ask for more images in one that was begun; those that are asked for already stay.

        Raises:
            HeldoutError: The file is of another study, or cannot be written.
        """
        create(self.path)
        with transaction(self.path, "write") as connection:
            now = _now()
            connection.execute("INSERT OR IGNORE INTO review VALUES (1, ?, ?, ?)", (self.cohort, self.split, now))
            self._check(connection)
            known = {id_ for (id_,) in connection.execute("SELECT id FROM images")}
            connection.executemany(
                "INSERT INTO images (id, token, asked) VALUES (?, ?, ?)",
                [(id_, secrets.token_urlsafe(12), now) for id_ in dict.fromkeys(ids) if id_ not in known],
            )

    def join(self, name: str, role: Role = "reader") -> Reader:
        """The reader of that name, who goes on where they were; a new one if there is none.

        Raises:
            UsageError: The name cannot be used, or is that of a person with another role, who would not be blind.
            HeldoutError: The file cannot be written.
        """
        shown = clean_name(name)
        with transaction(self.path, "write") as connection:
            self._check(connection)
            row = (shown, key_of(shown), role, secrets.token_hex(8), _now())
            connection.execute(
                "INSERT OR IGNORE INTO readers (name, key, role, seed, joined) VALUES (?, ?, ?, ?, ?)", row
            )
            (reader,) = _readers(connection, "WHERE key = ?", (row[1],))
        if reader.role != role:
            raise UsageError(
                f"Found {reader.name} as {role}; expected another person: they are {reader.role} of this review "
                f"already, and whoever decides between readers must not be one of them."
            )
        return reader

    def read(self, reader: int, token: str, label: str | None) -> Reading:
        """Write down what a reader saw; once this returns it is on the disk.

        The same again is no error, since an answer may get lost on its way back.

        Args:
            reader: Number of the reader.
            token: The image's name in the review.
            label: A class; None where they cannot tell.

        Raises:
            ConflictError: They have read the image as something else, which they have to take back first.
            UsageError: No such reader, image or class.
            HeldoutError: The file cannot be written.
        """
        if label is not None and label not in self.classes:
            raise UsageError(f"Found the class '{label}'; expected one of: {', '.join(self.classes)}.")
        with transaction(self.path, "write") as connection:
            self._check(connection)
            if not _readers(connection, "WHERE number = ?", (reader,)):
                raise UsageError(f"Found reader number {reader}; expected one who joined.")
            image = connection.execute("SELECT number FROM images WHERE token = ?", (token,)).fetchone()
            if image is None:
                raise UsageError("Found an image that this review does not ask for; expected one of its own. Reload.")
            standing = _standing(connection, "AND r.reader = ? AND r.image = ?", (reader, image[0]))
            if standing:
                if standing[0].label == label:
                    return standing[0]
                raise ConflictError("This image was read already, as something else; take that back first. Reload.")
            at = _now()
            added = connection.execute(
                "INSERT INTO readings (reader, image, label, at) VALUES (?, ?, ?, ?)", (reader, image[0], label, at)
            ).lastrowid
        assert added is not None
        return Reading(added, reader, image[0], label, at)

    def undo(self, reader: int, reading: int) -> None:
        """Take back a reader's last reading; that it was stays written. One that was taken back already is no error.

        Args:
            reader: Number of the reader.
            reading: Number of the reading.

        Raises:
            ConflictError: It is not their last one.
            HeldoutError: The file cannot be written.
        """
        with transaction(self.path, "write") as connection:
            self._check(connection)
            done = connection.execute(
                "SELECT 1 FROM readings WHERE withdraws = ? AND reader = ?", (reading, reader)
            ).fetchone()
            if done:
                return
            standing = _standing(connection, "AND r.reader = ?", (reader,))
            if not standing or standing[-1].number != reading:
                raise ConflictError("Only the last reading can be taken back, and this is not it. Reload.")
            connection.execute(
                "INSERT INTO readings (reader, image, withdraws, at) VALUES (?, ?, ?, ?)",
                (reader, standing[-1].image, reading, _now()),
            )

    def snapshot(self) -> Snapshot:
        """All that stands in the review now.

        Raises:
            InputError: The file is of another study, was changed by hand, or is damaged.
            HeldoutError: It cannot be read.
        """
        with transaction(self.path, "read") as connection:
            self._check(connection)
            readings = _standing(connection)
            images = tuple(Image(*row) for row in connection.execute("SELECT number, id, token FROM images"))
            readers = _readers(connection)
            (withdrawn,) = connection.execute("SELECT count(withdraws) FROM readings").fetchone()
        self._check_labels(readings)
        return Snapshot(self.classes, readers, images, readings, withdrawn)

    def keep(self, run: str, labels: str, before: str, after: str) -> None:
        """Keep what a diagnosis said before and after the labels were counted.

        Args:
            run: Id of the run.
            labels: Hash of the labels.
            before: The diagnosis in JSON.
            after: Likewise.
        """
        with transaction(self.path, "write") as connection:
            self._check(connection)
            connection.execute(
                "INSERT INTO applications (run, labels, before, after, at) VALUES (?, ?, ?, ?, ?)",
                (run, labels, before, after, _now()),
            )

    def kept(self) -> dict[str, tuple[str, str, str, str]]:
        """Run -> labels, before, after and time of the last that was kept of it."""
        with transaction(self.path, "read") as connection:
            self._check(connection)
            rows = connection.execute("SELECT run, labels, before, after, at FROM applications ORDER BY number")
            return {run: (labels, before, after, at) for run, labels, before, after, at in rows}

    def _check(self, connection: sqlite3.Connection) -> None:
        """Stop before readings of other images are taken for these.

        Raises:
            InputError: They are of another cohort or split.
        """
        found = connection.execute("SELECT cohort, split FROM review").fetchone()
        if found != (self.cohort, self.split):
            what = "no beginning" if found is None else f"a review of cohort {found[0]} and split {found[1]}"
            expected = f"one of cohort {self.cohort} and split {self.split}, as the study has them"
            remedy = "Move it away to begin anew; images, classes or split of the study have changed since."
            raise InputError([Problem(str(self.path), what, expected, remedy)])

    def _check_labels(self, readings: Iterable[Reading]) -> None:
        strange = {one.label for one in readings if one.label is not None} - set(self.classes)
        if strange:
            found = f"the class {', '.join(map(repr, sorted(map(str, strange))))}"
            expected = f"one of: {', '.join(self.classes)}"
            raise InputError([Problem(str(self.path), found, expected, "The file was changed by hand: move it away.")])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _readers(connection: sqlite3.Connection, where: str = "", values: Collection[object] = ()) -> tuple[Reader, ...]:
    rows = connection.execute(
        f"SELECT number, name, role, seed, joined FROM readers {where} ORDER BY number", tuple(values)
    )
    return tuple(Reader(*row) for row in rows)


def _standing(connection: sqlite3.Connection, more: str = "", values: Collection[object] = ()) -> tuple[Reading, ...]:
    """Readings that were not taken back, in the order in which they were written."""
    rows = connection.execute(
        "SELECT r.number, r.reader, r.image, r.label, r.at FROM readings r WHERE r.withdraws IS NULL AND NOT EXISTS "
        f"(SELECT 1 FROM readings w WHERE w.withdraws = r.number) {more} ORDER BY r.number",
        tuple(values),
    )
    return tuple(Reading(*row) for row in rows)
