"""Which process something belongs to: so what a dead one left behind is told from what a live one is at."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
import time
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

ELSEWHERE = 24 * 3600.0
"""Seconds after which a temporary file of another machine counts as left behind: no file takes a day to write."""

MARK = re.compile(r"\.heldout-([0-9a-f]{8})-(\d+)-(\w*)-[0-9a-f]{8}(?=\.|$)")
"""In the name of a temporary file: machine, number and start of the process, and a number drawn for the file."""


@cache
def machine() -> str:
    """What tells machines, their restarts and containers apart."""
    parts = [platform.node()]
    with suppress(OSError):  # where there is no such folder, the name has to do
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def born(pid: int) -> str | None:
    """Start time of a process in clock ticks; `dead` of one that ended and was not collected; None if not known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return "dead" if fields[0] in "ZX" else fields[19]  # fields 3 and 22 of proc(5)


def is_dead(pid: int, since: str) -> bool:
    """Whether a process of this machine certainly no longer runs.

    Args:
        pid: Its number.
        since: When it began, as `born` says; numbers are used again.
    """
    if sys.platform == "win32":  # there, signal 0 would end the process
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False  # another person's process, or no number of one
    now = born(pid)
    return now is not None and now != since


def mark() -> str:
    """A name part for a temporary file of this process, told apart from all others: `heldout-…`."""
    return f"heldout-{_short(machine())}-{os.getpid()}-{born(os.getpid()) or ''}-{uuid.uuid4().hex[:8]}"


def meant_by(name: str) -> str:
    """Name of the file or folder that a temporary one of ours, or a claim, stands for; others as they are."""
    hidden = name.startswith(".")
    if hidden and name.endswith(".claim"):
        return name.removeprefix(".").removesuffix(".claim")
    return MARK.sub("", name.removeprefix(".")) if hidden and MARK.search(name) else name


def is_left_behind(path: Path) -> bool:
    """Whether a file or folder is a temporary one of ours whose process is gone.

    One of another machine counts as such after `ELSEWHERE` seconds without a change.
    """
    found = MARK.search(path.name)
    if found is None or not path.name.startswith("."):
        return False
    where, pid, since = found.groups()
    if where == _short(machine()):
        return is_dead(int(pid), since)
    try:
        return time.time() - path.lstat().st_mtime > ELSEWHERE
    except OSError:
        return False


@cache
def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
