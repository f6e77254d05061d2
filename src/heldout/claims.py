"""One process at a time at one piece of work: a claim is a file that its owner keeps fresh.

A claim is made by creating its file, which only one process can. It ends when the owner removes the file. Where the
owner can no longer do so, another process takes the work over: at once if the owner ran on this machine and is dead,
else when the file has not been touched for `STALE` seconds (it ran on another machine, or hangs).
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

from heldout.errors import HeldoutError
from heldout.processes import born, is_dead, machine

BEAT = 5.0
"""Seconds between two touches of a claim's file."""

STALE = 60.0
"""Seconds without a touch after which an owner counts as gone: twelve beats, so that a busy disk takes no work away."""

POLL = 0.5
"""Seconds between two looks at a claim that another process holds."""


class ClaimLostError(HeldoutError):
    """Another process took the work over, since this one stood still for too long."""


@dataclass(frozen=True)
class Owner:
    """The process that holds a claim.

    Attributes:
        host: Name of its machine, for people.
        machine: What tells machines, their restarts and containers apart.
        pid: Number of the process.
        born: When it began, as the system counts; empty where the system does not say. Numbers are used again.
        token: Drawn for each claim.
    """

    host: str
    machine: str
    pid: int
    born: str
    token: str

    @classmethod
    def this(cls) -> Owner:
        """This process, with a fresh token."""
        return cls(platform.node(), machine(), os.getpid(), born(os.getpid()) or "", uuid.uuid4().hex)

    @property
    def is_dead(self) -> bool:
        """Whether it certainly no longer runs; False where that cannot be known from here."""
        return self.machine == machine() and is_dead(self.pid, self.born)


@dataclass
class Claim:
    """A claim that this process holds; a `with` block keeps it fresh and ends it.

    Attributes:
        path: Its file.
        text: What the file holds.
    """

    path: Path
    text: str
    _end: threading.Event = field(default_factory=threading.Event, repr=False)
    _beats: threading.Thread | None = field(default=None, repr=False)

    @property
    def token(self) -> str:
        """What was drawn for this claim."""
        owner = _owner(self.text)
        return owner.token if owner else ""

    @property
    def is_held(self) -> bool:
        """Whether nobody took it over."""
        return _read(self.path) == self.text

    def check(self) -> None:
        """Go on only while it is held.

        Raises:
            ClaimLostError: Another process took it over.
        """
        if not self.is_held:
            raise ClaimLostError(f"Another process took over what {self.path.name} stands for.")

    def __enter__(self) -> Claim:
        self._beats = threading.Thread(target=self._beat, daemon=True, name=f"beats of {self.path.name}")
        self._beats.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        if self._beats is not None:
            self._beats.join()
        with suppress(OSError):  # what went wrong in the block is what is told; a file that stays is soon stale
            if self.is_held:
                self.path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._end.wait(BEAT):
            try:
                if not self.is_held:
                    return
                os.utime(self.path)
            except OSError:  # the folder was removed, or the disk is not there for a moment
                continue


@dataclass
class Claims:
    """Takes claims, and remembers since when those of others have stood still.

    Clocks of machines differ, so a file's time is not compared with the clock here: what counts is how long it has not
    changed while this process watched.
    """

    _seen: dict[Path, tuple[tuple[str, int], float]] = field(default_factory=dict)

    def take(self, path: Path) -> Claim | None:
        """The claim, if it is free or its owner is gone; None while another process holds it."""
        claim = _create(path)
        if claim is None and self._is_removed(path):
            claim = _create(path)
        return claim

    def _is_removed(self, path: Path) -> bool:
        """Whether the claim's owner was gone, so that its file was removed here."""
        text = _read(path)
        if text is None:
            return True  # its owner ended it just now
        still = self._stands_still(path, text)
        owner = _owner(text)
        if not (still or (owner is not None and owner.is_dead)):
            return False
        # Several may find this at once, and a slow one must not remove the file that a fast one has put there since.
        guard = path.with_name(f"{path.name}.taking")
        if _create(guard) is None:
            if self._stands_still(guard, ""):
                guard.unlink(missing_ok=True)
            return False
        try:
            if _read(path) == text:
                path.unlink(missing_ok=True)
            return True
        finally:
            guard.unlink(missing_ok=True)

    def _stands_still(self, path: Path, text: str) -> bool:
        """Whether a file has not changed for `STALE` seconds of watching."""
        try:
            mark = (text, path.stat().st_mtime_ns)
        except FileNotFoundError:
            return False
        now = time.monotonic()
        before, since = self._seen.get(path, (None, now))
        if mark != before:
            self._seen[path] = mark, now
            return False
        return now - since > STALE


@contextmanager
def hold(path: Path) -> Iterator[Claim]:
    """Wait for a claim, and hold it within the block."""
    claims = Claims()
    while (claim := claims.take(path)) is None:
        time.sleep(POLL)
    with claim:
        yield claim


def claim_of(place: Path) -> Path:
    """The file by which a process claims what will stand at a place."""
    return place.with_name(f".{place.name}.claim")


def owner_of(path: Path) -> Owner | None:
    """Who holds a claim; None if nobody does, or its file is just being written."""
    return _owner(_read(path) or "")


def _owner(text: str) -> Owner | None:
    try:
        return Owner(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _create(path: Path) -> Claim | None:
    text = json.dumps(asdict(Owner.this()))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return None
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
    return Claim(path, text)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
