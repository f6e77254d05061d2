"""Connections to `review.sqlite`, one a transaction that is on the disk when it ends; what SQLite refuses, in words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from heldout.errors import HeldoutError, InputError, Problem
from heldout.files import check_regular, publish_once, temporary_of
from heldout.records.codec import check_format
from heldout.review.schema import APPLICATION, FORMAT, GUARDS, TABLES, described, expected
from heldout.system_errors import told

WAIT = 30.0
"""Seconds that a transaction waits for another: each takes milliseconds, but many readers may write at once."""

OURS = "a review that heldout began"

REASONS = {
    sqlite3.SQLITE_BUSY: ("another program keeps it locked", "Close that program and try again; nothing was lost."),
    sqlite3.SQLITE_READONLY: ("it may only be read", "Change the rights of the study's folder."),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "Check the rights of the study's folder."),
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space and try again; what was acknowledged is kept."),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "Check the disk; a network disk cannot hold a review."),
    sqlite3.SQLITE_PERM: ("there is no right to do that", "Change the rights of the study's folder."),
}
"""SQLite's primary error -> what it means and what to do."""

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

REPAIR = "Put back a copy of it (with review.sqlite-wal, if there is one), or move it away to begin anew."


def create(path: Path) -> None:
    """Make the file with its tables, whole, unless there is one; of several processes one succeeds.

    Raises:
        HeldoutError: It cannot be written.
    """
    if path.exists():
        return
    temporary = temporary_of(path)
    try:
        connection = sqlite3.connect(temporary, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")  # stays with the file
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            connection.executescript(TABLES + GUARDS)
        finally:
            connection.close()
        publish_once(temporary, path)
    except sqlite3.Error as error:
        raise _told(path, error) from error
    except OSError as error:
        raise told(error) or error from error
    finally:
        for left in (temporary, *(temporary.with_name(f"{temporary.name}{end}") for end in ("-wal", "-shm"))):
            left.unlink(missing_ok=True)


@contextmanager
def transaction(path: Path, kind: Literal["read", "write"]) -> Iterator[sqlite3.Connection]:
    """One transaction; it is on the disk when the block ends well, and never happened otherwise.

    Raises:
        InputError: The file is damaged, is none of ours, or of a later format.
        HeldoutError: It cannot be read or written now.
    """
    if not path.exists():
        raise HeldoutError(f"Found no review at {path}; expected one that was begun (`heldout serve`, page Review).")
    check_regular(path)
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", WAIT, isolation_level=None, uri=True)
        try:
            connection.execute("PRAGMA trusted_schema = OFF")  # a study may come from anywhere
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last readings in a power cut
            connection.execute("BEGIN" if kind == "read" else "BEGIN IMMEDIATE")
            _check(path, connection)
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()  # which takes back what was not committed
    except sqlite3.Error as error:
        raise _told(path, error) from error


def _check(path: Path, connection: sqlite3.Connection) -> None:
    """Stop before another file is taken for a review.

    Raises:
        InputError: It is another one.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise InputError([Problem(str(path), "another program's database", OURS, REPAIR)])
    check_format(version, FORMAT, str(path))
    if described(connection) != expected():
        raise InputError([Problem(str(path), "tables that were changed by hand", OURS, REPAIR)])


def _told(path: Path, error: sqlite3.Error) -> HeldoutError:
    """What SQLite refused, in a sentence."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the extended codes' lowest byte is the primary one
    if code in DAMAGED:
        return InputError([Problem(str(path), "a damaged file, or no SQLite database", OURS, REPAIR)])
    reason, remedy = REASONS.get(code, (f"SQLite refuses it ({error})", "Check the file."))
    return HeldoutError(f"{path}: {reason}. {remedy}")
