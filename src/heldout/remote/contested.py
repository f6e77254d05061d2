"""A run that two machines finished and both began to send: one of them is whole in the store in the end.

Objects of a run are created only where there are none, so that of two senders each soon meets an object of the other.
The first record counts, and whoever has one to come is waited for. A run whose sender died is sent whole by another
machine, over what is there: by one alone, which holds the run's claim; and should the other record come after all, what
was replaced is put back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from heldout.claims import ClaimLostError, Owner, claim_of, owner_of
from heldout.files import remove_folder, temporary_of
from heldout.remote.claims import StoreClaims
from heldout.remote.store import Store, Stored, StoreError
from heldout.remote.travel import RUN, is_run, travels, turn_of

STANDS_STILL = 60.0
"""Seconds without a change after which a half-sent run may have been left by its machine, as a claim is."""

LOOK = 5.0
"""Seconds between two looks at a run that another machine sends."""


@dataclass
class Contested:
    """A run of a working copy of which another machine has sent something.

    Attributes:
        store: Of the study.
        folder: The working copy.
        run: Name of the run's folder in both, `runs/ID`.
    """

    store: Store
    folder: Path
    run: str
    _before: dict[str, Stored] = field(default_factory=dict)
    _since: float = 0.0

    def __post_init__(self) -> None:
        self._claims = StoreClaims(self.store)
        self._claim = claim_of(Path(self.run)).as_posix()

    def settled(self, files: Sequence[str]) -> dict[str, Stored] | None:
        """Wait until one of the two runs is whole in the store.

        Args:
            files: Names of the files of the run here.

        Returns:
            The objects of the other machine's run; None where that was left half sent, and this one is there now.

        Raises:
            StoreError: The store cannot be reached, or refuses.
        """
        while True:
            there = self._there()
            if f"{self.run}/{RUN}" in there:
                return there
            if self._stands_still(there) and not self._claims.is_left(self._claim):
                with suppress(ClaimLostError), self._claimed():  # while its owner lives, it may still come
                    if self._replaced(files):
                        return None
            time.sleep(LOOK)

    def _there(self) -> dict[str, Stored]:
        return {name: about for name, about in self.store.list(self.run).items() if travels(name)}

    def _stands_still(self, there: dict[str, Stored]) -> bool:
        """Whether nothing has come for a while."""
        if there != self._before or not self._since:
            self._before, self._since = there, time.monotonic()
        return time.monotonic() - self._since > STANDS_STILL

    @contextmanager
    def _claimed(self) -> Iterator[None]:
        """Hold the run's claim within the block, unless a process of this working copy does.

        Raises:
            ClaimLostError: Another machine is at the run.
        """
        here, there = owner_of(self.folder / self._claim), self._claims.owner(self._claim)
        if here is not None and there is not None and _is_one(here, there):
            yield
        else:
            with self._claims.held(self._claim, self.run):
                yield

    def _replaced(self, files: Sequence[str]) -> bool:
        """Send the run over what is there; False where the other machine goes on, and what it sent is there again."""
        there = self._there()
        kept = temporary_of(self.folder / self.run)
        try:
            for name in there:
                self.store.get(name, kept / name, there[name])
            replaced: list[str] = []
            for name in sorted(files, key=lambda name: (turn_of(name), name in there)):
                if name in there:
                    replaced.append(name)
                try:
                    self.store.put(name, self.folder / name, new=is_run(name) or name not in there)
                except StoreError as error:
                    if error.kind != "there":
                        raise
                    for other in replaced:
                        self.store.put(other, kept / other, new=False)
                    return False
            return True
        finally:
            remove_folder(kept)


def _is_one(here: Owner, there: Owner) -> bool:
    """Whether a process holds both the claim in its working copy and that in the store."""
    return (here.machine, here.pid, here.born) == (there.machine, there.pid, there.born)
