"""Files that are whole or not there: write beside, then rename."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary file in the same folder that becomes `path` when the block ends well, and vanishes otherwise.

    The temporary name keeps the ending of `path`, since some writers choose their format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Delete a folder with all that is in it: for folders that are ours alone."""
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def whole_folder(path: Path, discard: Callable[[Path], None] = remove_folder) -> Iterator[Path]:
    """Like `whole`, for a folder: it appears by rename, complete, or not at all. An existing folder is replaced.

    Args:
        path: Its place; not a link, which would be replaced by the folder itself.
        discard: Removes what stood there before, which was renamed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        yield temporary
        publish_folder(temporary, path, discard)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def publish_folder(made: Path, path: Path, discard: Callable[[Path], None] = remove_folder) -> None:
    """Rename a finished folder to its place; what stood there before is removed by `discard`."""
    if path.exists():
        old = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.old")
        path.replace(old)
        made.replace(path)
        discard(old)
    else:
        made.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole: two spaces, keys in the order given, no NaN."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def hash_of(value: Any, length: int = 12) -> str:
    """The first hexadecimal digits of the SHA-256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path:
    """Where things that can be made again are kept: $HELDOUT_CACHE, or `heldout` in the user's cache folder."""
    given = os.environ.get("HELDOUT_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "heldout"
