"""Files that are whole or not there: write beside, flush to the disk, then rename."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from heldout.processes import is_left_behind, mark

TRIES = 10
"""How often a folder that other processes write at the same time is tried to be replaced."""

OCCUPIED = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}
"""Errors that say that something stands where a folder is to be renamed to."""

SHOWN = 60
"""Characters of a file's name that its temporary name repeats: names may have 255 bytes in all."""


def temporary_of(path: Path) -> Path:
    """A free name beside a path, which tells whose it is; the ending stays, since some writers go by it."""
    return path.with_name(f".{path.stem[:SHOWN]}.{mark()}{path.suffix}")


@contextmanager
def whole(path: Path, make_folder: bool = True) -> Iterator[Path]:
    """A temporary file in the same folder that becomes `path` when the block ends well, and vanishes otherwise.

    Args:
        path: The file.
        make_folder: Whether its folder is made where there is none.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if make_folder:
        path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, f".{path.stem[:SHOWN]}.")
    temporary = temporary_of(path)
    try:
        yield temporary
        flush(temporary)
        temporary.replace(path)
        flush(path.parent)
    finally:
        with suppress(OSError):  # what went wrong before is what is told
            temporary.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Have a file's or a folder's content on the disk, so that a power cut does not take what was renamed.

    Raises:
        OSError: The disk did not take a file.
    """
    if path.is_dir():
        with suppress(OSError):  # some systems flush no folders
            _flush(path)
    else:
        _flush(path)


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def remove_folder(path: Path) -> None:
    """Delete a folder with all that is in it: for folders that are ours alone."""
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def whole_folder(
    path: Path, discard: Callable[[Path], None] = remove_folder, keep: Callable[[Path], bool] | None = None
) -> Iterator[Path]:
    """Like `whole`, for a folder: it appears by rename, complete, or not at all. An existing folder is replaced.

    Args:
        path: Its place; not a link, which would be replaced by the folder itself.
        discard: Removes what stood there before, which was renamed.
        keep: Whether what another process has put there in the meantime is as good, and stays; None replaces it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, f".{path.stem[:SHOWN]}.")
    temporary = temporary_of(path)
    temporary.mkdir()
    try:
        yield temporary
        publish_folder(temporary, path, discard, keep)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def publish_folder(
    made: Path,
    path: Path,
    discard: Callable[[Path], None] = remove_folder,
    keep: Callable[[Path], bool] | None = None,
) -> None:
    """Rename a finished folder to its place, even if another process does so now; what stood there goes to `discard`.

    Args:
        made: The finished folder.
        path: Its place.
        discard: As for `whole_folder`.
        keep: Likewise; what was made is then left where it is.

    Raises:
        OSError: The folder cannot be renamed.
    """
    for folder, _, names in os.walk(made):
        for name in names:
            flush(Path(folder) / name)
        flush(Path(folder))
    for _ in range(TRIES):
        try:
            made.rename(path)
            flush(path.parent)
            return
        except OSError as error:
            if error.errno not in OCCUPIED:
                raise
        if keep is not None and keep(path):
            return
        old = temporary_of(path)
        with suppress(FileNotFoundError):  # another process moved it away first
            path.rename(old)
            discard(old)
    raise OSError(f"{path} cannot be replaced: other processes write it again and again.")


def sweep(folder: Path, beginning: str = ".") -> None:
    """Remove what killed processes of ours were writing in a folder: temporary files and folders, nothing else.

    Args:
        folder: Where; folders in it are not looked into. None that is not there, or may not be written, is an error.
        beginning: How the names begin.
    """
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.startswith(beginning)]
    except OSError:
        return
    for name in names:
        place = folder / name
        if is_left_behind(place):
            with suppress(OSError):
                if place.is_dir() and not place.is_symlink():
                    shutil.rmtree(place)
                else:
                    place.unlink()


def write_once(path: Path, text: str) -> bool:
    """Write a text file whole where there is none; of several processes one succeeds.

    Returns:
        Whether it was written; False if there was one.
    """
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_of(path)
    try:
        temporary.write_text(text, encoding="utf-8")
        return publish_once(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def publish_once(made: Path, path: Path) -> bool:
    """Give a finished file its place where there is none; of several processes one succeeds.

    Args:
        made: The finished file, beside its place; it may stay where it is.
        path: Its place.

    Returns:
        Whether it got there; False if there was one.
    """
    flush(made)
    try:
        os.link(made, path)  # unlike a rename, it fails if there is one
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: whole, but two processes may both come this far
        if path.exists():
            return False
        made.replace(path)
    flush(path.parent)
    return True


def write_bytes(path: Path, content: bytes, make_folder: bool = True) -> None:
    """Write a file whole; one that holds these bytes is let be, so that nothing is asked of a read-only disk."""
    if _holds(path, content):
        return
    with whole(path, make_folder) as temporary:
        temporary.write_bytes(content)


def _holds(path: Path, content: bytes) -> bool:
    try:
        with open_regular(path) as file:
            return os.fstat(file.fileno()).st_size == len(content) and file.read() == content
    except OSError:
        return False


def write_text(path: Path, text: str, make_folder: bool = True) -> None:
    """Write a text file whole, in UTF-8; one that holds this text is let be."""
    write_bytes(path, text.encode(), make_folder)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, in one write at its end: processes do not write into each other's lines.

    A line that a killed process wrote half is ended first, and stays a line of its own.

    Raises:
        OSError: The disk took none or not all of it.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(file).st_size
        torn = size > 0 and _last_byte(file, size) != b"\n"
        data = (b"\n" if torn else b"") + line.encode() + b"\n"
        if os.write(file, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(file)
    finally:
        os.close(file)


def _last_byte(file: int, size: int) -> bytes:
    os.lseek(file, size - 1, os.SEEK_SET)
    return os.read(file, 1)


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading that is a file: a pipe or a device would be waited for, or never end.

    Raises:
        OSError: It cannot be opened, or is something else.
    """
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(file).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))
        return os.fdopen(file, "rb")
    except BaseException:
        os.close(file)
        raise


def check_regular(path: Path) -> None:
    """Stop before a library opens what it would wait for.

    Raises:
        OSError: As for `open_regular`.
    """
    open_regular(path).close()


def read_text(path: Path) -> str:
    """A text file in UTF-8.

    Raises:
        OSError: As for `open_regular`.
        UnicodeDecodeError: It is no text.
    """
    with open_regular(path) as file:
        return file.read().decode("utf-8")


def json_text(value: Any) -> str:
    """JSON as files hold it: two spaces, keys in the order given, no NaN."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any, make_folder: bool = True) -> None:
    """Write JSON whole."""
    write_text(path, json_text(value), make_folder)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        OSError: It cannot be opened, or is a pipe or a device.
        ValueError: It is no JSON, or holds a number that is not finite, which nothing of ours writes.
    """
    return json.loads(read_text(path), parse_float=_finite, parse_constant=_finite)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]}, which is not finite")
    return value


def hash_of(value: Any, length: int = 12) -> str:
    """The first hexadecimal digits of the SHA-256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path:
    """Where things that can be made again are kept: $HELDOUT_CACHE, or `heldout` in the user's cache folder."""
    given = os.environ.get("HELDOUT_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "heldout"
