"""What a working copy last saw in its store, so that what is equal is neither sent nor fetched again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from heldout.files import read_json, write_json

SEEN = ".store.json"
"""File of a working copy with it."""


@dataclass(frozen=True)
class Seen:
    """A file as it was when it was equal to its object.

    Attributes:
        version: Of the object.
        size: Of the file, bytes.
        changed: When the file was changed last, in nanoseconds.
    """

    version: str
    size: int
    changed: int

    @classmethod
    def of(cls, about: os.stat_result, version: str) -> Seen:
        """A file as the system tells of it, and the version of its object; empty where that is not known yet."""
        return cls(version, about.st_size, about.st_mtime_ns)

    def is_still(self, file: Path) -> bool:
        """Whether the file was not changed since."""
        try:
            return Seen.of(file.stat(), self.version) == self
        except OSError:
            return False


def read_seen(folder: Path) -> dict[str, Seen]:
    """Name -> file, of a working copy; nothing where that cannot be read: then contents are compared."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        return {name: Seen(**about) for name, about in read_json(folder / SEEN)["files"].items()}
    return {}


def write_seen(folder: Path, url: str, seen: Mapping[str, Seen]) -> None:
    """Write it down."""
    files = {name: asdict(about) for name, about in seen.items()}
    write_json(folder / SEEN, {"format": 1, "url": url, "files": files})
