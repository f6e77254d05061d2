"""One machine at a time at one piece of work: a claim is an object that its owner keeps fresh.

As `heldout.claims`, where machines share no file system. An object is created only where there is none; a store that
does not create on a condition lets two machines do the same work, and the first one's run counts (`working_copy`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field

from heldout.claims import ClaimLostError, Owner
from heldout.remote.store import Store, StoreError

BEAT = 15.0
"""Seconds between two signs of life; each is a request that a store is paid for."""

STALE = 180.0
"""Seconds without one after which an owner counts as gone: twelve beats, as `heldout.claims` has it."""

LOOK = 10.0
"""Seconds between two looks at a claim that another machine holds."""


@dataclass
class StoreClaims:
    """Takes claims of a study in a store, and remembers since when those of others have stood still.

    Attributes:
        store: Of the study.
    """

    store: Store
    _seen: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    _looked: dict[str, float] = field(default_factory=dict)

    def is_left(self, name: str) -> bool:
        """Whether another machine held a claim at the last look, which is not long ago: every look is a request."""
        return time.monotonic() - self._looked.get(name, -LOOK) < LOOK

    @contextmanager
    def held(self, name: str, what: str) -> Iterator[None]:
        """Hold a claim within the block.

        Args:
            name: Of its object.
            what: What it stands for, for people.

        Raises:
            ClaimLostError: Another machine is at it.
            StoreError: The store cannot be reached, or refuses.
        """
        owner = self._take(name, what)
        end = threading.Event()
        beats = threading.Thread(target=self._beat, args=(name, owner, end), daemon=True, name=f"beats of {name}")
        beats.start()
        try:
            yield
        finally:
            end.set()
            beats.join()
            with suppress(StoreError):  # then it is taken over once it is stale
                if self.owner(name) == owner:
                    self.store.remove(name)

    def owner(self, name: str) -> Owner | None:
        """Who holds a claim; None if nobody does.

        Raises:
            StoreError: The store cannot be reached, or refuses.
        """
        return _owner(self._read(name))

    def _take(self, name: str, what: str) -> Owner:
        """The claim.

        Raises:
            ClaimLostError: Another machine holds it.
        """
        owner = Owner.this()
        if self._create(name, owner) or (self._is_removed(name) and self._create(name, owner)):
            return owner
        self._looked[name] = time.monotonic()
        other = self.owner(name)
        who = f"process {other.pid} on {other.host}" if other else "another machine"
        raise ClaimLostError(f"{what} is left to {who}, which is at it.")

    def _create(self, name: str, owner: Owner) -> bool:
        try:
            self.store.put(name, _text(owner, 0), new=True)
        except StoreError as error:
            if error.kind == "there":
                return False
            raise
        return True

    def _is_removed(self, name: str) -> bool:
        """Whether the claim's owner was gone, so that its object was removed here."""
        text = self._read(name)
        if text is None:
            return True  # its owner ended it just now
        owner = _owner(text)
        if not (self._stands_still(name, text) or (owner is not None and owner.is_dead)):
            return False
        # Several may find this at once, and a slow one must not remove what a fast one has put there since.
        guard = f"{name}.taking"
        if not self._create(guard, Owner.this()):
            other = self._read(guard)
            if other is not None and self._stands_still(guard, other):
                self.store.remove(guard)
            return False
        try:
            if self._read(name) == text:
                self.store.remove(name)
            return True
        finally:
            self.store.remove(guard)

    def _stands_still(self, name: str, text: bytes) -> bool:
        """Whether an object has not changed for `STALE` seconds of watching."""
        before, since = self._seen.get(name, (b"", time.monotonic()))
        if before != text:
            self._seen[name] = text, time.monotonic()
            return False
        return time.monotonic() - since > STALE

    def _beat(self, name: str, owner: Owner, end: threading.Event) -> None:
        number = 0
        while not end.wait(BEAT):
            number += 1
            with suppress(StoreError):  # the network is not there for a moment
                if self.owner(name) != owner:
                    return
                self.store.put(name, _text(owner, number), new=False)

    def _read(self, name: str) -> bytes | None:
        try:
            return self.store.read(name)
        except StoreError as error:
            if error.kind == "gone":
                return None
            raise


def _text(owner: Owner, beat: int) -> bytes:
    return json.dumps({"owner": asdict(owner), "beat": beat}).encode()


def _owner(text: bytes | None) -> Owner | None:
    try:
        return Owner(**json.loads(text or b"")["owner"])
    except (ValueError, TypeError, KeyError):
        return None
