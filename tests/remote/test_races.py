"""What other processes and machines do while a command sends or fetches: nothing is lost, and no runs are mixed."""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from heldout.claims import Claim, Owner, claim_of, hold
from heldout.executors import opened
from heldout.files import write_text
from heldout.progress import Reporter, Silent
from heldout.remote import claims, contested
from heldout.remote.claims import StoreClaims
from heldout.remote.store import Store, Stored
from heldout.remote.urls import STUDIES, place_of
from heldout.remote.working_copy import ASIDE, WorkingCopy
from heldout.runs import share
from heldout.runs.share import Job
from heldout.work import Dispatcher
from tests.remote.s3 import files_of, objects_of

SILENT = Silent()


class Notes(Silent):
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkingCopy:
    """A working copy with the study's record, which was not sent yet; the store is this process's memory."""
    monkeypatch.setenv("HELDOUT_CACHE", str(tmp_path))
    found = WorkingCopy.of(place_of(f"memory://{tmp_path.name}/study", STUDIES))
    assert found is not None
    write_text(found.folder / "study.json", '{"cohort": "x"}\n')
    return found


def aside(copy: WorkingCopy) -> dict[str, str]:
    """What gave way in a working copy."""
    places = [path for path in copy.folder.glob(f"{ASIDE}/*/**/*") if path.is_file()]
    return {path.relative_to(copy.folder / ASIDE).as_posix().partition("/")[2]: path.read_text() for path in places}


def once(act: Callable[[], object], after: int = 0) -> Callable[[], None]:
    """Do something at one call alone, which comes after so many."""
    left = [after]

    def at_its_time() -> None:
        left[0] -= 1
        if left[0] == -1:
            act()

    return at_its_time


Moment = Callable[[pytest.MonkeyPatch, Callable[[], object]], None]


def before_it_is_sent(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    real, now = Store.put, once(act)

    def put(self: Store, name: str, content: bytes | Path, new: bool) -> None:
        if name == "tuning/s.json":
            now()
        real(self, name, content, new)

    monkeypatch.setattr(Store, "put", put)


def after_it_is_sent(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    real, now = Store.put, once(act)

    def put(self: Store, name: str, content: bytes | Path, new: bool) -> None:
        real(self, name, content, new)
        if name == "tuning/s.json":
            now()

    monkeypatch.setattr(Store, "put", put)


def before_all_is_listed(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    real, now = Store.list, once(act, after=1)

    def listed(self: Store, name: str = "") -> dict[str, Stored]:
        now()
        return real(self, name)

    monkeypatch.setattr(Store, "list", listed)


@pytest.mark.parametrize(
    ("later", "again"), [("3 trials, and a fourth", ""), ("4 trials", ""), ("3 and 1", "5 trials")]
)
@pytest.mark.parametrize("moment", [before_it_is_sent, after_it_is_sent, before_all_is_listed])
def test_what_is_written_while_it_is_sent_is_sent_next(
    copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch, moment: Moment, later: str, again: str
) -> None:
    file = copy.folder / "tuning/s.json"
    write_text(file, "3 trials")
    with monkeypatch.context() as own:
        moment(own, lambda: write_text(file, later))
        copy.push(SILENT)
    if again:
        write_text(file, again)
    copy.push(SILENT)
    copy.pull(SILENT)
    assert (file.read_text(), copy.store.read("tuning/s.json")) == (again or later, (again or later).encode())
    assert not aside(copy)


def test_what_is_written_while_another_one_is_fetched_gives_way_and_is_kept(
    copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = copy.folder / "report.html"
    write_text(file, "old")
    copy.push(SILENT)
    copy.store.put("report.html", b"theirs", new=False)
    real = Store.get

    def get(self: Store, name: str, place: Path, expected: Stored | None = None) -> os.stat_result:
        about = real(self, name, place, expected)
        write_text(file, "ours")
        return about

    monkeypatch.setattr(Store, "get", get)
    copy.pull(SILENT)
    assert file.read_text() == "theirs"
    assert aside(copy) == {"report.html": "ours"}


def test_what_is_written_after_it_was_fetched_is_sent(copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch) -> None:
    file = copy.folder / "report.html"
    copy.push(SILENT)
    copy.store.put("report.html", b"theirs", new=True)
    real = os.replace

    def replaced(source: object, target: object) -> None:
        real(source, target)  # type: ignore[arg-type]
        if target == file:
            file.write_text("ours!!")  # as many bytes

    monkeypatch.setattr(os, "replace", replaced)
    copy.pull(SILENT)
    copy.push(SILENT)
    assert copy.store.read("report.html") == b"ours!!"


@pytest.mark.parametrize("name", [".r.token.partial", "r"])
def test_a_folder_that_goes_while_a_study_is_sent_stops_nothing(
    copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    going = copy.folder / "runs" / name
    write_text(going / "run.json", "{}")
    real = os.scandir

    def scandir(path: object = ".") -> Iterator[os.DirEntry[str]]:
        if str(path) == str(going) and going.exists():
            going.rename(copy.folder / ".gone")  # another process has finished it, or moved it away
        return real(path)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(os, "scandir", scandir)
    copy.push(SILENT)
    assert list(copy.store.list()) == ["study.json"]


def test_a_folder_that_cannot_be_read_is_not_passed_over(copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy.folder / "runs").mkdir()
    real = os.scandir

    def scandir(path: object = ".") -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("runs"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError):
        copy.push(SILENT)


@pytest.mark.parametrize("change", ["removed", "written anew"])
def test_the_record_of_a_run_waits_for_files_that_another_process_changes(
    copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    run = copy.folder / "runs/r"
    for name in ("answers.parquet", "model.safetensors", "run.json"):
        write_text(run / name, name)
    real = Store.put
    when = once(
        lambda: (
            (run / "answers.parquet").unlink() if change == "removed" else write_text(run / "model.safetensors", "new")
        )
    )

    def put(self: Store, name: str, content: bytes | Path, new: bool) -> None:
        if name == ("runs/r/answers.parquet" if change == "removed" else "runs/r/z.json"):
            when()
        real(self, name, content, new)

    write_text(run / "z.json", "{}")  # is sent after the weights
    monkeypatch.setattr(Store, "put", put)
    notes = Notes()
    copy.push(notes)
    assert "runs/r/run.json" not in copy.store.list()
    assert any("runs/r was changed" in note for note in notes.notes)
    write_text(run / "answers.parquet", "answers.parquet")
    copy.push(SILENT)
    assert objects_of(copy) == files_of(copy.folder)


FILES = ("answers.parquet", "environment.json", "model.safetensors", "run.json")
THEIRS = {name: f'"{name} of A"'.encode() for name in FILES}
OURS = {name: f'"{name} of B"'.encode() for name in FILES}

ELSEWHERE = Owner("host", "another machine", 1, "", "token")


@pytest.fixture
def half_sent(copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch) -> WorkingCopy:
    """A working copy with a run of which another machine has sent two files, and nothing since."""
    monkeypatch.setattr(contested, "STANDS_STILL", 0.02)
    monkeypatch.setattr(contested, "LOOK", 0.01)
    copy.push(SILENT)
    theirs(copy, "answers.parquet", "model.safetensors")
    for name, content in OURS.items():
        write_text(copy.folder / "runs/r" / name, content.decode())
    return copy


def theirs(copy: WorkingCopy, *names: str) -> None:
    """Have the other machine send files of its run."""
    for name in names:
        copy.store.put(f"runs/r/{name}", THEIRS[name], new=True)


def run_of(copy: WorkingCopy) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The run, here and in the store."""
    here, there = (
        {Path(name).name: content for name, content in files.items() if name.startswith("runs/")}
        for files in (files_of(copy.folder), objects_of(copy))
    )
    return here, there


def test_a_run_that_was_left_half_sent_is_sent_whole(half_sent: WorkingCopy) -> None:
    notes = Notes()
    half_sent.push(notes)
    assert run_of(half_sent) == (OURS, OURS)
    assert [note for note in notes.notes if "a part of runs/r" in note]
    half_sent.pull(SILENT)
    assert not aside(half_sent)


@pytest.mark.parametrize("sent", [("environment.json",), ()], ids=["its record alone", "another file before"])
def test_a_record_that_comes_while_its_run_is_replaced_counts_and_its_files_are_put_back(
    half_sent: WorkingCopy, monkeypatch: pytest.MonkeyPatch, sent: tuple[str, ...]
) -> None:
    theirs(half_sent, *sent)
    real, later = Store.put, once(lambda: theirs(half_sent, "environment.json", "run.json"))

    def put(self: Store, name: str, content: bytes | Path, new: bool) -> None:
        if not new and name.startswith("runs/r/"):
            later()  # at the first object that is replaced
        real(self, name, content, new)

    monkeypatch.setattr(Store, "put", put)
    half_sent.push(SILENT)
    assert run_of(half_sent) == (THEIRS, THEIRS)
    assert aside(half_sent) == {f"runs/r/{name}": content.decode() for name, content in OURS.items()}


def test_a_run_is_not_replaced_while_the_machine_that_sends_it_lives(
    half_sent: WorkingCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, turns = "runs/.r.claim", iter(range(100))
    half_sent.store.put(claim, json.dumps({"owner": asdict(ELSEWHERE), "beat": 0}).encode(), new=True)
    real = time.sleep

    def sleep(seconds: float) -> None:
        real(seconds)
        if next(turns) == 20:  # long after it stands still: one large file is under way
            theirs(half_sent, "environment.json", "run.json")

    monkeypatch.setattr(time, "sleep", sleep)
    half_sent.push(SILENT)
    assert run_of(half_sent) == (THEIRS, THEIRS)


def test_a_run_is_sent_whole_although_some_of_it_was_there(
    half_sent: WorkingCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = "runs/r/model.safetensors"
    half_sent.store.remove(weights)  # so that ours is created, and seen
    real, later = time.sleep, once(lambda: half_sent.store.put(weights, THEIRS["model.safetensors"], new=False))

    def sleep(seconds: float) -> None:
        later()  # the other machine replaces it, and dies
        real(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    half_sent.push(SILENT)
    assert run_of(half_sent) == (OURS, OURS)


def test_who_holds_the_claim_of_a_run_does_not_wait_for_itself(half_sent: WorkingCopy) -> None:
    with ExitStack() as held:
        held.enter_context(hold(half_sent.folder / "runs/.r.claim"))
        held.enter_context(StoreClaims(half_sent.store).held("runs/.r.claim", "it"))
        half_sent.push(SILENT)
        assert run_of(half_sent) == (OURS, OURS)
    assert "runs/.r.claim" not in half_sent.store.list()


def one_request_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the store in memory as whole as stores are: it looks before it writes, shows an object from its first byte
    on, and its readers share one place in an object."""
    turn = threading.RLock()

    def in_turn(act: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(act)
        def request(*given: object, **named: object) -> object:
            with turn:
                return act(*given, **named)

        return request

    for name in ("list", "about", "get", "read", "put", "remove"):
        monkeypatch.setattr(Store, name, in_turn(getattr(Store, name)))


def test_of_two_machines_that_send_one_run_at_once_one_is_whole(
    copy: WorkingCopy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, value in ((contested, "STANDS_STILL", 0.1), (contested, "LOOK", 0.01), (claims, "LOOK", 0.01)):
        monkeypatch.setattr(module, name, value)
    one_request_at_a_time(monkeypatch)
    copy.push(SILENT)
    other = WorkingCopy(copy.url, tmp_path / "other")
    other.pull(SILENT)
    for number in range(5):
        for one in (copy, other):
            for name in FILES:
                write_text(one.folder / f"runs/r{number}" / name, f'"{name} of {one.folder}"')
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: one.push(SILENT), (copy, other)))
        here, there = run_of(copy)
        assert here == there == run_of(other)[0]
        assert len({text.partition(b" of ")[2] for text in here.values()}) == 1
        for name in copy.store.list():
            if name.startswith("runs/"):
                copy.store.remove(name)
        for one in (copy, other):
            one.pull(SILENT)


def test_a_name_that_is_no_path_is_not_fetched(copy: WorkingCopy) -> None:
    copy.push(SILENT)
    copy.store._fs.pipe_file(f"{copy.store._path('')}//tmp/x.json", b"1")
    copy.pull(SILENT)
    assert list(files_of(copy.folder)) == ["study.json"]
    assert not Path("/tmp/x.json").exists()


@dataclass
class Writes(Job):
    """Writes a run's record."""

    folder: Path
    title = "Run 1 of 1"

    @property
    def claim(self) -> Path:
        return claim_of(self.folder / "runs/r")

    def is_done(self) -> bool:
        return (self.folder / "runs/r/run.json").is_file()

    def work(self, claim: Claim, reporter: Reporter, dispatcher: Dispatcher) -> None:
        write_text(self.folder / "runs/r/run.json", "{}")


@pytest.mark.parametrize("end", ["finished", "given up"])
def test_that_another_machine_is_at_a_run_is_said_once(
    copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(claims, "LOOK", 0.05)
    monkeypatch.setattr("heldout.executors._across.LOOK", 0.05)
    claim, asked, rounds = "runs/.r.claim", [0], [0]
    copy.store.put(claim, json.dumps({"owner": asdict(ELSEWHERE), "beat": 0}).encode(), new=True)
    real = StoreClaims.held

    def held(self: StoreClaims, name: str, what: str) -> AbstractContextManager[None]:
        asked[0] += 1
        if asked[0] == 4:  # it was asked three times, and held
            if end == "finished":
                copy.store.put("runs/r/run.json", b"{}", new=True)
            copy.store.remove(claim)
        return real(self, name, what)

    pause = time.sleep

    def sleep(seconds: float) -> None:
        rounds[0] += 1
        pause(seconds)

    monkeypatch.setattr(StoreClaims, "held", held)
    monkeypatch.setattr(share, "POLL", 0.01)
    monkeypatch.setattr(time, "sleep", sleep)
    notes = Notes()
    with opened("local", copy.folder) as executor:
        executor.run([Writes(copy.folder)], notes)
    then = "finished by another process" if end == "finished" else "training"
    assert notes.notes == ["Run 1 of 1 is left to process 1 on host, which is at it.", f"Run 1 of 1, {then}."]
    assert asked == [4] and rounds[0] > 4  # neither the store nor the claim here is troubled in every round
    assert copy.store.read("runs/r/run.json") == b"{}"
