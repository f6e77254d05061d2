"""Whether a study's files have changed since they were read."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path

READ = ("study.json", "cohort.parquet", "split.parquet", "plans/*.json", "runs/*/run.json", "selection/*.json")
"""What the pages are made from, beside the diagnoses; a run's other files do not change once it has its `run.json`."""

DIAGNOSES = "diagnosis/**/*.json"


def signature(folder: Path) -> tuple[Hashable, ...]:
    """Name, time and size of each file of a study that a page is made from: equal while none of them changes."""
    found: list[Hashable] = []
    for pattern in (*READ, DIAGNOSES):
        for path in sorted(folder.glob(pattern)):
            with suppress(OSError):  # gone at this moment; the next look sees the rest
                status = path.stat()
                found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)
