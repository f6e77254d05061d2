"""Making the catalogue from the installed libraries: slow (minutes), so its result is kept in a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from heldout.backbones.sources import by_rank
from heldout.backbones.table import SHIPPED, Entry, Table, read_table, table, write_table
from heldout.backbones.versions import installed_versions
from heldout.progress import Reporter, Silent

KEEP_EVERY = 100
"""Rows after which a journal is written beside the table, for a run that is cut off."""


def make_table(path: Path, known: Mapping[str, Entry], reporter: Reporter | None = None) -> int:
    """Read every source's library and write the table whole; interrupted, it goes on where it stopped.

    Args:
        path: The table.
        known: Rows whose computed figures are taken over where architecture, classes and input size are the same.
        reporter: Told of each row.

    Returns:
        Number of rows.
    """
    reporter = reporter or Silent()
    journal = path.with_suffix(".partial.csv")
    if journal.is_file():
        known = {**known, **{entry.info.name: entry for entry in read_table(journal).entries}}
    entries: list[Entry] = []
    for source in by_rank():
        reporter.begin(f"reading {source.name}", len(source.entries()) if SHIPPED.is_file() else 0)
        for entry in source.listed(known):
            entries.append(entry)
            reporter.step()
            if len(entries) % KEEP_EVERY == 0:
                write_table(journal, Table(tuple(entries), installed_versions()))
        reporter.end()
    write_table(path, Table(tuple(entries), installed_versions()))
    journal.unlink(missing_ok=True)
    return len(entries)


def known_rows() -> dict[str, Entry]:
    """The rows of the table in use, by name."""
    return {entry.info.name: entry for entry in table().entries}
