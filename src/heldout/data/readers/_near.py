"""Tables that lie beside images, and how to use them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from heldout.data.entries import Layout
from heldout.data.readers._columns import LOOKED_AT, Proposed, propose
from heldout.data.readers._find import Finder
from heldout.data.readers.tables import TABLE_SUFFIXES, open_sheet

MOST_TABLES = 8
"""Tables that are looked into."""

MOST_BYTES = 50_000_000
"""A larger table is not looked into: it is read whole first."""


@dataclass(frozen=True)
class NearTable:
    """A table that names images beside it.

    Attributes:
        path: The table.
        proposed: Its columns.
    """

    path: Path
    proposed: Proposed

    @property
    def remedy(self) -> str:
        """How to use it, as a sentence."""
        words = shlex.join([self.path.name, *self.proposed.words])
        return f"Give the table instead: {words}. {self.proposed.sentence}"


def tables_near(root: Path, layout: Layout = Layout()) -> list[NearTable]:
    """The tables in a folder that name images below it, those that name most first."""
    paths = sorted(path for path in root.iterdir() if path.suffix.lower() in TABLE_SUFFIXES and path.is_file())
    finder = Finder(root, layout)
    found = []
    for path in paths[:MOST_TABLES]:
        if path.stat().st_size > MOST_BYTES or path.name.startswith(".") or layout.ignores(path.name):
            continue
        sheet = open_sheet(path, most=LOOKED_AT)
        proposed = propose(sheet, finder) if not sheet.problems else None
        if proposed is not None:
            found.append(NearTable(path, proposed))
    return sorted(found, key=lambda table: (-table.proposed.found / table.proposed.looked_at, table.path.name))
