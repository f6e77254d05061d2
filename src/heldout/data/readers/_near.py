"""Tables that lie beside images, and how to use them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from heldout.data.entries import AS_FOUND, Layout
from heldout.data.readers._columns import LOOKED_AT, Proposed, propose
from heldout.data.readers._find import Finder
from heldout.data.readers.tables import TABLE_SUFFIXES, open_sheet
from heldout.errors import UsageError

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
        words = shlex.join(self.proposed.words or ("--path-column", "path"))
        return f"To use the table {self.path.name}, add {words}. {self.proposed.sentence}"


def tables_in(root: Path, layout: Layout = AS_FOUND) -> list[Path]:
    """The first few tables in a folder, by name; none of one that cannot be opened."""
    try:
        inside = sorted(root.iterdir())
    except OSError:
        return []
    named = [path for path in inside if path.suffix.lower() in TABLE_SUFFIXES and not path.name.startswith(".")]
    return [path for path in named if path.is_file() and not layout.ignores(path.name)][:MOST_TABLES]


def tables_near(root: Path, layout: Layout = AS_FOUND) -> list[NearTable]:
    """The tables in a folder that name images below it, those that name most first."""
    finder = Finder(root, layout)
    found = []
    for path in tables_in(root, layout):
        if path.stat().st_size > MOST_BYTES:
            continue
        sheet = open_sheet(path, most=LOOKED_AT)
        proposed = propose(sheet, finder) if not sheet.problems else None
        if proposed is not None:
            found.append(NearTable(path, proposed))
    return sorted(found, key=lambda table: (-table.proposed.found / table.proposed.looked_at, table.path.name))


def table_with(root: Path, layout: Layout) -> Path:
    """The one table in a folder that has the columns that a person names.

    Raises:
        UsageError: There is none, or several.
    """
    wanted = {name.strip().lower() for name in f"{layout.path_column},{layout.label_column}".split(",")} - {""}
    tables = tables_in(root, layout)
    fitting = [path for path in tables if wanted <= set(open_sheet(path, most=1).places)]
    if len(fitting) == 1:
        return fitting[0]
    named = ", ".join(path.name for path in fitting or tables)
    options = ", ".join(f"--{name}" for name in layout.options() if name != "ignore")
    raise UsageError(
        f"Found {options} beside the folder {root.name}/, and "
        + (f"{len(fitting) or 'none'} of its tables with these columns ({named})" if tables else "no table in it")
        + "; expected one. Give the table itself as DATA."
    )
