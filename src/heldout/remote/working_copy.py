"""A study at a URL: a working copy on this machine, brought up to date before a command, and sent after it.

Commands know folders alone: memory-mapped arrays, tables and weights are read and written there. What makes one
study of several working copies is this:

- An object is created only where there is none, and replaced only as this machine has seen it. What another machine put
  there meanwhile stays; this machine's goes to `.aside` in the working copy, and that is said.
- Who vouches for others comes last, when sending as when fetching: the `run.json` of a run after all of its files.
- A ledger is a folder of files of one entry (`runs.ledger`), each with a name of its own: entries of two machines never
  meet, none is lost, none is counted twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from heldout.claims import claim_of, hold
from heldout.errors import HeldoutError, UsageError
from heldout.files import read_json, temporary_of
from heldout.progress import Reporter
from heldout.remote.contested import Contested
from heldout.remote.seen import SEEN, Seen, read_seen, write_seen
from heldout.remote.store import Store, Stored, StoreError
from heldout.remote.travel import RUN, STUDY, in_turns, is_run, travelling, travels
from heldout.remote.urls import STUDIES, url_of

ASIDE = ".aside"
"""Folder of a working copy with what had to give way."""

SAME_EVERYWHERE = ("cohort.parquet", "split.parquet")
"""Tables that are equal on all machines of a study but for where its images lie there: the first one stays."""

PAGE = 1000
"""Objects that stores list at once; a longer list is not of one moment, and may have a record but not what it is of."""

AGAIN = 3
"""How often a file is sent again at most that another process of this machine writes while it is sent."""


@dataclass
class WorkingCopy:
    """The working copy of a study at a URL.

    Attributes:
        url: Of the study.
        folder: On this machine.
    """

    url: str
    folder: Path
    _seen: dict[str, Seen] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, place: Path) -> WorkingCopy | None:
        """The one that a folder is, or that a run's folder lies in; None for a folder of the person's.

        Raises:
            StoreError: The store cannot be reached.
        """
        url = url_of(place, STUDIES)
        if url is None:
            return None
        above, own = place.parent.parent, url_of(place.parent.parent, STUDIES)
        if place.parent.name != "runs" or own is None or (place / SEEN).is_file():
            return cls(url, place)
        if (above / SEEN).is_file() or Store(own).about(STUDY) is not None:
            return cls(own, above)
        return cls(url, place)

    @property
    def store(self) -> Store:
        """What lies at the URL."""
        return Store(self.url)

    def pull(self, reporter: Reporter) -> None:
        """Fetch what is new in the store.

        Args:
            reporter: Is told of what is fetched, and of what gave way.

        Raises:
            HeldoutError: The study was there and is gone; or the store cannot be reached, or refuses.
        """
        with self._held():
            self._pull(reporter)

    def push(self, reporter: Reporter) -> None:
        """Send what is new here; nothing is asked of the store where nothing is.

        Args:
            reporter: Is told of what is sent, and of what gave way.

        Raises:
            UsageError: Another study was begun there meanwhile.
            HeldoutError: The store cannot be reached, or refuses; what was not sent is sent by the next command.
        """
        with self._held():
            changed = self._changed()
            if changed:
                try:
                    _Sending(self, self._listed(), reporter).send(changed)
                except StoreError as error:
                    raise StoreError(f"{error} It is kept in {self.folder}.", error.kind) from error

    @contextmanager
    def _held(self) -> Iterator[None]:
        """One process of this machine at a time; what was seen is written down, however it ends."""
        with hold(claim_of(self.folder / "store")):
            self._seen = read_seen(self.folder)
            try:
                yield
            finally:
                write_seen(self.folder, self.url, self._seen)

    def _listed(self) -> dict[str, Stored]:
        return {name: about for name, about in self.store.list().items() if travels(name)}

    def _pull(self, reporter: Reporter) -> None:
        listed = self._listed()
        if STUDY in self._seen and STUDY not in listed:
            raise HeldoutError(
                f"The study at {self.url} was there and is gone. To begin anew, remove its working copy {self.folder}; "
                f"to have it back, copy that folder there."
            )
        gone = [name for name in self._seen if name not in listed and self._is_as_seen(name)]
        for name in gone:
            self.give_way(name)
            del self._seen[name]
        if gone:
            reporter.note(f"{_some(gone)} {_are(gone)} no longer at {self.url}, and lie in {self.folder / ASIDE}.")
        wanted = self._wanted(listed)
        self.take(wanted, listed, reporter)
        while wanted and len(listed) >= PAGE:
            listed = self._listed()
            wanted = self._wanted(listed)
            self.take(wanted, listed, reporter)

    def _wanted(self, listed: dict[str, Stored]) -> list[str]:
        return [name for name, about in listed.items() if not self._has(name, about)]

    def _has(self, name: str, about: Stored) -> bool:
        """Whether a file, changed here since or not, came of that object."""
        seen = self._seen.get(name)
        return seen is not None and seen.version == about.version and (self.folder / name).is_file()

    def _is_as_seen(self, name: str) -> bool:
        """Whether a file was not changed here."""
        seen = self._seen.get(name)
        return seen is not None and seen.is_still(self.folder / name)

    def _changed(self) -> list[str]:
        """Files that the store does not have as they are."""
        return [name for name in travelling(self.folder) if not self._is_as_seen(name)]

    def take(self, names: Iterable[str], listed: dict[str, Stored], reporter: Reporter) -> None:
        """Fetch objects, those that vouch for others last; what was changed here and is another gives way."""
        wanted = set(names)
        if not wanted:
            return
        for run in sorted(str(PurePosixPath(name).parent) for name in wanted if is_run(name)):
            if f"{run}/{RUN}" not in self._seen and (self.folder / run / RUN).is_file():
                self.give_way(run)  # as a whole: files of two trainings are never put together
                wanted |= {name for name in listed if name.startswith(f"{run}/")}
                reporter.note(f"Another machine finished {run} first, and its run counts; see {self.folder / ASIDE}.")
        reporter.begin(f"Fetching {self.url}", len(wanted))
        moved = in_turns(sorted(wanted), lambda name: self._take_one(name, listed[name]), reporter)
        reporter.end()
        for name in (name for name in moved if name):
            reporter.note(f"{name} was written by another machine too; that one counts, see {self.folder / ASIDE}.")

    def _take_one(self, name: str, about: Stored) -> str:
        """Fetch one; its name, if what was here gave way to it."""
        place = self.folder / name
        fetched = temporary_of(place)
        try:
            file = self.store.get(name, fetched, about)
            old = self.give_way(name) if place.is_file() and not self._is_as_seen(name) else None
            fetched.replace(place)
        finally:
            fetched.unlink(missing_ok=True)
        self.see(name, Seen.of(file, about.version))
        if old is None or name in SAME_EVERYWHERE:
            return ""
        if old.read_bytes() == place.read_bytes():
            old.unlink()
            return ""
        return name

    def see(self, name: str, file: Seen) -> None:
        """Remember that a file, as it was, and its object are equal."""
        self._seen[name] = file

    def seen(self, name: str) -> Seen | None:
        """What was last seen of an object."""
        return self._seen.get(name)

    def give_way(self, name: str) -> Path:
        """Move a file or folder aside; where it is now."""
        for number in range(1, 1_000_000):
            place = self.folder / ASIDE / str(number) / name
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                return (self.folder / name).rename(place)
        raise HeldoutError(f"{self.folder / ASIDE} is full; remove it.")


@contextmanager
def up_to_date(place: Path, reporter: Reporter) -> Iterator[None]:
    """Within the block a study at a URL is as its store has it; what was made is sent in the end, however it ends.

    Args:
        place: A folder; nothing is done for one of the person's.
        reporter: Is told of what is fetched and sent.

    Raises:
        HeldoutError: As `WorkingCopy.pull` and `push`.
    """
    copy = WorkingCopy.of(place)
    if copy is None:
        yield
        return
    copy.pull(reporter)
    try:
        yield
    finally:
        copy.push(reporter)


@dataclass
class _Sending:
    """One sending.

    Attributes:
        copy: Of which.
        listed: What is in the store.
        reporter: Is told of what is sent.
        contested: Runs of which another machine has sent something.
        sent: What is there now: files as they were when they were sent.
        vanished: Files that another process of this machine removed before.
    """

    copy: WorkingCopy
    listed: dict[str, Stored]
    reporter: Reporter
    contested: set[str] = field(default_factory=set)
    sent: dict[str, Seen] = field(default_factory=dict)
    vanished: set[str] = field(default_factory=set)

    def send(self, changed: Sequence[str]) -> None:
        """Send files, those that vouch for others last."""
        self.reporter.begin(f"Sending to {self.copy.url}", len(changed))
        try:
            in_turns(changed, self._send_one, self.reporter)
        except BaseException:
            with suppress(StoreError):  # else it is asked for the next time
                self._remember()
            raise
        self.reporter.end()
        self._remember()
        for run in sorted(self.contested):
            self._settle(run)

    def _remember(self) -> None:
        """Which versions the objects have that were sent; one that is another by now is fetched the next time."""
        now = self.copy.store.list() if self.sent else {}
        for name, file in self.sent.items():
            if name in now and now[name].size == file.size:
                self.copy.see(name, replace(file, version=now[name].version))

    def _send_one(self, name: str) -> None:
        run = str(PurePosixPath(name).parent)
        if run in self.contested:
            return
        if is_run(name) and self._is_changing(run):  # its record would vouch for files that are not there
            self.reporter.note(f"{run} was changed while it was sent; the next command sends the rest.")
            return
        there, seen = self.listed.get(name), self.copy.seen(name)
        is_mine = there is not None and seen is not None and seen.version == there.version
        try:
            self.sent[name] = self._put(name, new=not is_mine)
        except FileNotFoundError:
            self.vanished.add(name)
        except StoreError as error:
            if error.kind != "there":
                raise
            self._give_in(name, run)

    def _put(self, name: str, new: bool) -> Seen:
        """Send a file; as it was sent. One that is written meanwhile is sent again: what is there now is ours.

        Raises:
            FileNotFoundError: Another process removed it.
            StoreError: As `Store.put`.
        """
        place = self.copy.folder / name
        file = Seen.of(place.stat(), "")
        self.copy.store.put(name, place, new)
        for _ in range(AGAIN):
            if file.is_still(place):
                break
            file = Seen.of(place.stat(), "")
            self.copy.store.put(name, place, new=False)
        return file

    def _is_changing(self, run: str) -> bool:
        """Whether another process of this machine changed files of a run since they were sent, or removed some."""
        files = {name: file for name, file in self.sent.items() if name.startswith(f"{run}/")}
        lost = any(name.startswith(f"{run}/") for name in self.vanished)
        return lost or not all(file.is_still(self.copy.folder / name) for name, file in files.items())

    def _give_in(self, name: str, run: str) -> None:
        """Another machine put another object there, which stays."""
        about = self.copy.store.about(name)
        if about is None:  # and removed it
            return
        if name in SAME_EVERYWHERE:
            self.copy.see(name, Seen.of((self.copy.folder / name).stat(), about.version))
        elif "runs/" in name and self.copy.seen(f"{run}/{RUN}") is None and (self.copy.folder / run / RUN).is_file():
            self.contested.add(run)
        else:
            if name == STUDY:
                self._check_same()
            self.copy.take([name], {name: about}, self.reporter)

    def _check_same(self) -> None:
        """Stop before two studies become one.

        Raises:
            UsageError: The store holds a study of other images or another split.
        """
        there, here = json.loads(self.copy.store.read(STUDY)), read_json(self.copy.folder / STUDY)
        if any(there.get(key) != here.get(key) for key in ("cohort", "split")):
            raise UsageError(
                f"{self.copy.url} holds a study of other images or another split, begun meanwhile; expected the same "
                f"ones, since runs are only compared on the same images. Choose another --out."
            )

    def _settle(self, run: str) -> None:
        """Take a contested run, or send it, once it is settled which of the two counts."""
        self.reporter.note(
            f"Another machine has sent a part of {run} too; until one of the two is whole, it is waited for."
        )
        place = self.copy.folder / run
        files = {f"{run}/{name}": Seen.of((place / name).stat(), "") for name in travelling(place)}
        there = Contested(self.copy.store, self.copy.folder, run).settled(list(files))
        if there is not None:
            self.copy.take(there, there, self.reporter)
            return
        self.sent = files
        self._remember()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
