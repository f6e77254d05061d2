"""The tables of `review.sqlite`: what is written is added to and never changed, so that who said what and when stays.

`review` holds one row: of which images and classes it is. `images` are those to be read, under a name drawn at random
that tells nothing. `readers` are people, each with the seed of the order that images are shown to them in. A row of
`readings` is a class, or nothing where the reader cannot tell; or it withdraws an earlier row. `applications` keeps
what the diagnosis said before and after the labels were counted.
"""

from __future__ import annotations

import sqlite3
from functools import cache

FORMAT = 1
"""`PRAGMA user_version` of the files that this version reads and writes."""

APPLICATION = 0x68656C64
"""`PRAGMA application_id`: `held`."""

KEPT = ("review", "images", "readers", "readings", "applications")
"""Tables whose rows are never changed."""

TABLES = """
CREATE TABLE review (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    cohort TEXT NOT NULL,
    split TEXT NOT NULL,
    begun TEXT NOT NULL
);
CREATE TABLE images (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    token TEXT NOT NULL UNIQUE,
    asked TEXT NOT NULL
);
CREATE TABLE readers (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('reader', 'adjudicator')),
    seed TEXT NOT NULL,
    joined TEXT NOT NULL
);
CREATE TABLE readings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    reader INTEGER NOT NULL REFERENCES readers,
    image INTEGER NOT NULL REFERENCES images,
    label TEXT,
    withdraws INTEGER UNIQUE REFERENCES readings,
    at TEXT NOT NULL,
    CHECK (withdraws IS NULL OR label IS NULL)
);
CREATE TABLE applications (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    labels TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    at TEXT NOT NULL
);
"""

GUARDS = "".join(
    f"CREATE TRIGGER {table}_{change.lower()} BEFORE {change} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, 'rows of {table} stay as they were written'); END;\n"
    for table in KEPT
    for change in ("UPDATE", "DELETE")
)


@cache
def expected() -> frozenset[tuple[str, str]]:
    """(name, SQL) of everything that such a file holds."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(TABLES + GUARDS)
        return described(connection)
    finally:
        connection.close()


def described(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """(name, SQL) of everything that an open file holds; SQLite's own indices have no SQL."""
    return frozenset(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())
