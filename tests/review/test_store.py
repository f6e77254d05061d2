"""The store: nothing that was acknowledged is lost, nothing that was written is changed, whoever writes beside it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from heldout.errors import InputError, UsageError
from heldout.review.schema import GUARDS, KEPT
from heldout.review.snapshot import Reader
from heldout.review.store import ConflictError, Store
from heldout.review.turns import progress_of

CLASSES = ("normal", "ill")
IDS = tuple(f"image{i}" for i in range(12))
LABELS = st.sampled_from([*CLASSES, None])
NAMES = st.sampled_from(["Ada", "Ben", "Cyd"])


def made(folder: Path) -> Store:
    return Store(folder / "review.sqlite", "c0", "s0", CLASSES)


class Reading(RuleBasedStateMachine):
    """Readers who read, take back, go away and come again, and a study that asks for more images."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = made(Path(self.folder.name))
        self.asked: list[str] = []
        self.readers: dict[str, Reader] = {}
        self.read: dict[str, list[tuple[str, str | None]]] = {}  # in the order in which they were written
        self.rows = 0

    def teardown(self) -> None:
        self.folder.cleanup()

    @initialize(first=st.integers(1, 6))
    def begin(self, first: int) -> None:
        self.more(first)

    @rule(number=st.integers(1, 12))
    def more(self, number: int) -> None:
        self.store.begin(IDS[:number])
        self.asked = list(IDS[: max(number, len(self.asked))])

    @rule(name=NAMES)
    def join(self, name: str) -> None:
        known = self.readers.get(name)
        self.readers[name] = self.store.join(f"  {name.upper()} ")
        assert known is None or known == self.readers[name]
        self.read.setdefault(name, [])

    @rule(name=NAMES, label=LABELS, again=st.booleans())
    def read_next(self, name: str, label: str | None, again: bool) -> None:
        if name not in self.readers:
            return
        reader = self.readers[name]
        image = progress_of(reader, self.store.snapshot()).next
        if image is None:
            assert len(self.read[name]) == len(self.asked)
            return
        first = self.store.read(reader.number, image.token, label)
        assert not again or self.store.read(reader.number, image.token, label) == first  # an answer that got lost
        with pytest.raises(ConflictError):
            self.store.read(reader.number, image.token, "ill" if label != "ill" else "normal")
        self.read[name].append((image.id, label))

    @rule(name=NAMES, again=st.booleans())
    def undo(self, name: str, again: bool) -> None:
        if name not in self.readers:
            return
        reader = self.readers[name]
        last = progress_of(reader, self.store.snapshot()).last
        assert (last is None) == (not self.read[name])
        if last is None:
            return
        for _ in range(1 + again):
            self.store.undo(reader.number, last.number)
        self.read[name].pop()

    @rule()
    def come_again(self) -> None:
        self.store = made(Path(self.folder.name))

    @invariant()
    def what_stands_is_what_was_read(self) -> None:
        found = self.store.snapshot()
        ids = {image.number: image.id for image in found.images}
        assert sorted(ids.values()) == sorted(self.asked)
        names = {reader.number: name for name, reader in self.readers.items()}
        stands: dict[str, list[tuple[str, str | None]]] = {name: [] for name in self.readers}
        for one in found.readings:
            stands[names[one.reader]].append((ids[one.image], one.label))
        assert stands == self.read
        connection = sqlite3.connect(self.store.path)
        (rows,) = connection.execute("SELECT count(*) FROM readings").fetchone()
        connection.close()
        assert rows == len(found.readings) + 2 * found.withdrawn and rows >= self.rows
        self.rows = rows


TestReading = Reading.TestCase
TestReading.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)

WRITER = """
import sys
from pathlib import Path
from heldout.review.store import Store
from heldout.review.turns import progress_of
store = Store(Path(sys.argv[1]), "c0", "s0", ("normal", "ill"))
store.begin([f"image{i}" for i in range(int(sys.argv[3]))])
reader = store.join(sys.argv[2])
while (image := progress_of(reader, store.snapshot()).next) is not None:
    made = store.read(reader.number, image.token, "ill")
    print(made.number, image.id, flush=True)
"""


def writer(path: Path, name: str, images: int) -> subprocess.Popen[str]:
    call = [sys.executable, "-c", WRITER, str(path), name, str(images)]
    return subprocess.Popen(call, stdout=subprocess.PIPE, text=True)


def test_two_processes_begin_and_write_at_once(tmp_path: Path) -> None:
    store = made(tmp_path)
    both = [writer(store.path, name, 15) for name in ("Ada", "Ben")]
    assert [process.communicate()[0].count("\n") for process in both] == [15, 15]
    found = store.snapshot()
    assert len(found.images) == 15 and len(found.readings) == 30 and len(found.readers) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["review.sqlite"]


def test_what_was_acknowledged_outlives_kill_9(tmp_path: Path) -> None:
    store = made(tmp_path)
    acknowledged: dict[int, str] = {}
    for more in (7, 13):
        process = writer(store.path, "Ada", 200)
        assert process.stdout is not None
        for _ in range(more):
            number, id_ = process.stdout.readline().split()
            acknowledged[int(number)] = id_
        os.kill(process.pid, signal.SIGKILL)
        for line in process.communicate()[0].splitlines():  # what was on its way to us
            number, id_ = line.split()
            acknowledged[int(number)] = id_
        found = store.snapshot()
        ids = {image.number: image.id for image in found.images}
        stands = {one.number: ids[one.image] for one in found.readings}
        assert len(acknowledged) >= more and acknowledged.items() <= stands.items()
        assert len(stands) <= len(acknowledged) + 1  # one may have been written and not yet acknowledged
        acknowledged = stands
    (reader,) = store.snapshot().readers  # who goes on as before
    assert progress_of(reader, store.snapshot()).read == len(acknowledged) < 200


@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_no_row_is_changed_even_by_another_program(change: str, tmp_path: Path) -> None:
    store = made(tmp_path)
    store.begin(IDS)
    reader = store.join("Ada")
    store.read(reader.number, store.snapshot().images[0].token, "ill")
    store.keep("run", "", "{}", "{}")
    connection = sqlite3.connect(store.path)
    for table in KEPT:
        column = connection.execute(f"PRAGMA table_info({table})").fetchall()[-1][1]
        with pytest.raises(sqlite3.IntegrityError, match="stay as they were written"):
            connection.execute(change.format(table, column, column))
    connection.close()


def test_other_files_and_changed_ones_are_refused_in_words(tmp_path: Path) -> None:
    store = made(tmp_path)
    store.path.write_bytes(b"no database at all, but long enough to be read as one" * 40)
    with pytest.raises(InputError, match="damaged"):
        store.snapshot()
    store.path.unlink()
    sqlite3.connect(store.path).execute("CREATE TABLE mine (a)").connection.close()
    with pytest.raises(InputError, match="another program's"):
        store.begin(IDS)
    store.path.unlink()
    store.begin(IDS)
    with pytest.raises(InputError, match="cohort c1"):
        Store(store.path, "c1", "s0", CLASSES).snapshot()
    reader = store.join("Ada")
    store.read(reader.number, store.snapshot().images[0].token, "ill")
    with pytest.raises(InputError, match="'ill'"):
        Store(store.path, "c0", "s0", ("normal", "well")).snapshot()
    connection = sqlite3.connect(store.path)
    connection.execute(f"DROP TRIGGER {GUARDS.split()[2]}")
    with pytest.raises(InputError, match="changed by hand"):
        store.snapshot()
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(InputError, match="format"):
        store.snapshot()


@pytest.mark.parametrize("name", ["", "   ", "a" * 61, "a\u202eb", "a\x00b", "\ud800"])
def test_names_that_cannot_be_told_apart_by_eye_are_refused(name: str, tmp_path: Path) -> None:
    store = made(tmp_path)
    store.begin(IDS)
    with pytest.raises(UsageError, match="expected 1 to 60"):
        store.join(name)


def test_what_does_not_belong_is_refused(tmp_path: Path) -> None:
    store = made(tmp_path)
    store.begin(IDS)
    ada, ben = store.join("Ada"), store.join("Ben")
    token = store.snapshot().images[0].token
    for reader, image, label in ((ada.number, token, "other"), (9, token, "ill"), (ada.number, "nothing", "ill")):
        with pytest.raises(UsageError):
            store.read(reader, image, label)
    first = store.read(ada.number, token, None)
    store.read(ada.number, store.snapshot().images[1].token, "ill")
    for reader in (ada, ben):  # not the last; and not Ben's
        with pytest.raises(ConflictError):
            store.undo(reader.number, first.number)
    with pytest.raises(UsageError, match="another person"):
        store.join("ada", "adjudicator")
    assert store.join("Eve", "adjudicator").role == "adjudicator"
