"""Files that are whole or not there: write beside, then rename."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

TRIES = 10
"""How often a folder that other processes write at the same time is tried to be replaced."""

OCCUPIED = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}
"""Errors that say that something stands where a folder is to be renamed to."""


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
    """Rename a finished folder to its place, even if another process does so now; what stood there goes to `discard`.

    Raises:
        OSError: The folder cannot be renamed.
    """
    for _ in range(TRIES):
        try:
            made.rename(path)
            return
        except OSError as error:
            if error.errno not in OCCUPIED:
                raise
        old = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.old")
        with suppress(FileNotFoundError):  # another process moved it away first
            path.rename(old)
            discard(old)
    raise OSError(f"{path} cannot be replaced: other processes write it again and again.")


def write_once(path: Path, text: str) -> bool:
    """Write a text file whole where there is none; of several processes one succeeds.

    Returns:
        Whether it was written; False if there was one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.link(temporary, path)  # unlike a rename, it fails if there is one
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: whole, but two processes may both come this far
        if path.exists():
            return False
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def json_text(value: Any) -> str:
    """JSON as files hold it: two spaces, keys in the order given, no NaN."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole."""
    write_text(path, json_text(value))


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
