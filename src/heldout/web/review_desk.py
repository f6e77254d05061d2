"""What the page of the review asks of the store, and the answers as plain JSON values that tell nothing they must not.

A reader is told their own progress, the name of the next picture (drawn at random) and their own last reading: no
image id, no file, no given label, nothing of other readers, nothing of a model.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from heldout.errors import HeldoutError, UsageError
from heldout.progress import Epoch
from heldout.records.labelling import SINGLE
from heldout.review.apply import apply_review
from heldout.review.of_study import asked_for, review_of
from heldout.review.snapshot import Reader, Role, Snapshot
from heldout.review.store import Store
from heldout.review.turns import order_of, progress_of
from heldout.runs.folder import StudyFiles
from heldout.web.site import Site

AHEAD = 3
"""Pictures that are fetched before their turn."""


@dataclass
class Desk:
    """The review of the site's study."""

    site: Site

    @property
    def study(self) -> StudyFiles:
        """The study, or its one label that is asked after.

        Raises:
            HeldoutError: No finished run, or several labels an image of which none was named.
        """
        files = self.site.material().files
        if files.cohort.labelling is not SINGLE:
            raise UsageError(
                f"Found a study with several labels an image; expected one of them: heldout serve {files.folder} "
                f"--label NAME. Each label has a review of its own."
            )
        return files

    @property
    def store(self) -> Store:
        """Its review, begun or not."""
        return self.site.kept("review", lambda: review_of(self.study))  # hashing a large cohort takes a while

    def join(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Let a person take part, or go on; the first one begins the review."""
        role: Role = "adjudicator" if _text(body, "role") == "adjudicator" else "reader"
        study = self.study
        if not study.cohort.pictured:
            raise UsageError("Found tables without images; expected the images too: heldout diagnose … --images DIR.")
        store = self.store
        store.begin(asked_for(study))
        return {"reader": store.join(_text(body, "name"), role).number}

    def state(self, number: int) -> dict[str, Any]:
        """How far a person is, and what comes next."""
        snapshot = self.store.snapshot()
        return _state(person(snapshot, number), snapshot)

    def read(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Write a reading down; the answer is sent when it is on the disk."""
        label = body.get("label")
        if label is not None and not isinstance(label, str):
            raise UsageError("Found no class; expected its name, or null for an image that cannot be told.")
        self.store.read(_number(body, "reader"), _text(body, "image"), label)
        return self.state(_number(body, "reader"))

    def undo(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Take a reader's last reading back."""
        self.store.undo(_number(body, "reader"), _number(body, "reading"))
        return self.state(_number(body, "reader"))

    def image_of(self, token: str) -> str | None:
        """Id of the image behind a name in the review; None of no such name."""
        return next((image.id for image in self.store.snapshot().images if image.token == token), None)


def person(snapshot: Snapshot, number: int) -> Reader:
    """Who has a number.

    Raises:
        UsageError: Nobody.
    """
    for reader in snapshot.readers:
        if reader.number == number:
            return reader
    raise UsageError("Found the number of nobody who takes part; expected one of theirs. Enter your name anew.")


def _state(reader: Reader, snapshot: Snapshot) -> dict[str, Any]:
    progress = progress_of(reader, snapshot)
    own = snapshot.by_reader[reader.number]
    unread = [image for image in order_of(reader, snapshot.images) if image.number not in own]
    # An adjudicator's next but one is not known before the next is read: readers may go on meanwhile.
    ahead = unread[1 : 1 + AHEAD] if reader.role == "reader" else []
    return {
        "read": progress.read,
        "total": progress.total,
        "image": None if progress.next is None else progress.next.token,
        "ahead": [image.token for image in ahead],
        "last": None if progress.last is None else {"reading": progress.last.number, "label": progress.last.label},
    }


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise UsageError(f"Found no text as '{name}'; expected one.")
    return value


def _number(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"Found no whole number as '{name}'; expected one.")
    return value


@dataclass
class Counting:
    """The diagnosis with the reviewed labels, in a thread of its own: one at a time."""

    state: Literal["idle", "running", "done", "failed"] = "idle"
    done: int = 0
    total: int = 0
    error: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start(self, study: StudyFiles) -> None:
        """Begin, unless it is under way."""
        with self._lock:
            if self.state == "running":
                return
            self.state, self.done, self.total, self.error = "running", 0, 0, ""
        threading.Thread(target=self._run, args=(study,), daemon=True).start()

    def _run(self, study: StudyFiles) -> None:
        try:
            apply_review(study, reporter=self)
        except HeldoutError as error:
            self.state, self.error = "failed", str(error)
        except Exception as error:  # the thread has nobody who would see it
            self.state, self.error = "failed", f"{type(error).__name__}: {error}"
        else:
            self.state = "done"

    def told(self) -> dict[str, Any]:
        """How far it is."""
        return {"state": self.state, "done": self.done, "total": self.total, "error": self.error}

    def begin(self, title: str, total: int) -> None:
        """Runs that are to be diagnosed."""
        self.done, self.total = 0, total

    def step(self, epoch: Epoch | None = None) -> None:
        """One run is."""
        self.done += 1

    def end(self) -> None:
        """All are."""

    def note(self, text: str) -> None:
        """Nothing that the page would show."""
