"""A study in a store: whole whatever fails, one study for several machines, nothing lost and nothing counted twice."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from heldout.errors import HeldoutError, UsageError
from heldout.files import write_json, write_text
from heldout.progress import Silent
from heldout.remote import contested
from heldout.remote.store import StoreError
from heldout.remote.urls import STUDIES, place_of
from heldout.remote.working_copy import ASIDE, WorkingCopy
from heldout.runs.ledger import TEST_EVALUATIONS, entries, write_down
from tests.remote.s3 import KINDS, S3, Fault, assert_whole, files_of, machine, objects_of
from tests.worlds.made_study import RUNS, make_study

SILENT = Silent()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(
        tmp_path_factory.mktemp("made") / "study", runs=RUNS[:2], n_train=40, n_val=20, n_test=20, epochs=2
    )


@pytest.fixture
def url(bucket: str) -> str:
    return f"{bucket}/a/study"


def copy_of(url: str) -> WorkingCopy:
    """The working copy on the machine that this process is now."""
    found = WorkingCopy.of(place_of(url, STUDIES))
    assert found is not None
    return found


def begun(url: str, made: Path) -> WorkingCopy:
    """A working copy that holds a study which was not sent yet."""
    copy = copy_of(url)
    shutil.copytree(made, copy.folder, dirs_exist_ok=True)
    return copy


class Notes(Silent):
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_what_one_machine_sends_another_one_fetches(
    url: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine(tmp_path / "a", monkeypatch):
        begun(url, made).push(SILENT)
    with machine(tmp_path / "b", monkeypatch):
        copy = copy_of(url)
        copy.pull(SILENT)
        assert files_of(copy.folder) == files_of(made) == objects_of(copy)
        assert WorkingCopy.of(next(copy.folder.glob("runs/*"))) == copy  # a run is of its study's


def test_what_is_equal_is_neither_sent_nor_fetched_again(s3: S3, url: str, made: Path) -> None:
    copy = begun(url, made)
    copy.push(SILENT)
    s3.heal()
    copy.push(SILENT)
    assert s3.count == 0
    copy.pull(SILENT)
    assert s3.count == 1  # the list


def test_features_and_what_is_half_made_stay_here(url: str, made: Path) -> None:
    copy = begun(url, made)
    for name in ("features/k/x.npy", "runs/.r.alone.partial/checkpoint.safetensors", "runs/r.incomplete-1/run.json"):
        write_text(copy.folder / name, "x")
    copy.push(SILENT)
    assert objects_of(copy) == files_of(made)
    assert len(copy.store.list()) == len(files_of(made))


def faults(requests: int, count: int, seed: int) -> list[Fault]:
    """Faults at seeded positions, as many of each kind, half of them lasting."""
    rng = random.Random(seed)
    return [Fault(rng.randint(1, requests), KINDS[k % len(KINDS)], bool(k // len(KINDS) % 2)) for k in range(count)]


@contextmanager
def stopped_by(fault: Fault, said: str) -> Iterator[None]:
    """A lasting fault stops what is done in the block, and says so; one that strikes once is overcome."""
    if not fault.lasting:
        yield
        return
    with pytest.raises(StoreError) as caught:
        yield
    assert caught.value.kind == "unreachable"
    assert said in str(caught.value)


ONCE = [Fault(9, kind) for kind in KINDS]
LASTING = [Fault(at, "refused", lasting=True) for at in (6, 10, 14, 17)]


def tried(seeded: list[Fault]) -> list[object]:
    """A few faults by default; more of every kind are slow."""
    return [*ONCE, *LASTING, *(pytest.param(one, marks=pytest.mark.slow) for one in seeded)]


SENT = 21
"""Requests of a push of the study that is made here, without faults; a test holds it."""


def test_a_study_takes_so_many_requests(s3: S3, url: str, made: Path) -> None:
    copy = begun(url, made)
    s3.heal()
    copy.push(SILENT)
    assert s3.count == SENT


@pytest.mark.parametrize("fault", tried(faults(SENT, 16, seed=1)), ids=str)
def test_a_fault_while_sending_leaves_nothing_half_and_the_next_command_sends_the_rest(
    s3: S3, url: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    with machine(tmp_path / "a", monkeypatch):
        copy = begun(url, made)
        s3.heal(fault)
        with stopped_by(fault, str(copy.folder)):
            copy.push(SILENT)
        assert s3.struck
        s3.heal()
    with machine(tmp_path / "b", monkeypatch):
        other = copy_of(url)
        other.pull(SILENT)
        assert_whole(other.folder)
    with machine(tmp_path / "a", monkeypatch):
        copy.pull(SILENT)
        copy.push(SILENT)
        assert objects_of(copy) == files_of(copy.folder) == files_of(made)


@pytest.mark.parametrize("fault", tried(faults(SENT - 4, 16, seed=2)), ids=str)
def test_a_fault_while_fetching_leaves_nothing_half_and_the_next_command_fetches_the_rest(
    s3: S3, url: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    with machine(tmp_path / "a", monkeypatch):
        begun(url, made).push(SILENT)
    with machine(tmp_path / "b", monkeypatch):
        copy = copy_of(url)
        s3.heal(fault)
        with stopped_by(fault, url):
            copy.pull(SILENT)
        assert s3.struck
        assert_whole(copy.folder)
        assert files_of(copy.folder).items() <= files_of(made).items()
        s3.heal()
        copy.pull(SILENT)
        assert files_of(copy.folder) == files_of(made)


def trained_anew(copy: WorkingCopy) -> str:
    """Have the last run of a study be one of another training, whose files are others; its name."""
    from heldout.files import read_json, sha256_of

    run = sorted(copy.folder.glob("runs/*"))[-1]
    write_text(run / "history.csv", (run / "history.csv").read_text() + "\n")
    record = read_json(run / "run.json")
    record["files"] = {name: sha256_of(run / name) for name in record["files"]}
    write_json(run / "run.json", record)
    return run.name


def test_of_two_machines_that_finish_one_run_the_first_counts_and_no_files_are_mixed(
    url: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine(tmp_path / "b", monkeypatch):
        late = begun(url, made)
        run = trained_anew(late)
        own = {name: text for name, text in files_of(late.folder).items() if run in name}
    with machine(tmp_path / "a", monkeypatch):
        begun(url, made).push(SILENT)
    with machine(tmp_path / "b", monkeypatch):
        notes = Notes()
        late.push(notes)
        assert objects_of(late) == files_of(late.folder) == files_of(made)
        aside = {name: text for place in late.folder.glob(f"{ASIDE}/*") for name, text in files_of(place).items()}
        assert own.items() <= aside.items()  # nothing of the person's is lost
        assert any(run in note for note in notes.notes)


def test_a_run_that_a_dead_machine_sent_half_is_sent_whole_by_another(
    s3: S3, url: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contested, "STANDS_STILL", 0.2)
    monkeypatch.setattr(contested, "LOOK", 0.05)
    with machine(tmp_path / "a", monkeypatch):
        dead = begun(url, made)
        run = trained_anew(dead)
        hidden = dead.folder / "runs" / run / "run.json"
        hidden.rename(dead.folder / ".run.json")  # so that it is the one object that is not sent
        dead.push(SILENT)
    with machine(tmp_path / "b", monkeypatch):
        copy = begun(url, made)
        copy.push(SILENT)
        assert objects_of(copy) == files_of(made)


@pytest.mark.parametrize("before", [(), ("0", "1")], ids=["begun there", "copied there with its ledger as a file"])
def test_ledgers_of_two_machines_are_one_and_no_entry_is_lost_or_doubled(
    url: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: tuple[str, ...]
) -> None:
    for run in before:
        write_down(tmp_path, TEST_EVALUATIONS, {"run": run, "split": "s"})
    if before:
        copy_of(url).store.put(TEST_EVALUATIONS, tmp_path / TEST_EVALUATIONS, new=True)
    with machine(tmp_path / "a", monkeypatch):
        begun(url, made).push(SILENT)
    for turn in range(2):
        for name in "ab":
            with machine(tmp_path / name, monkeypatch):
                copy = copy_of(url)
                if turn == 0:
                    copy.pull(SILENT)
                write_down(copy.folder, TEST_EVALUATIONS, {"run": f"{name}{turn}", "split": "s"})
                copy.push(SILENT)
    for name in "ab":
        with machine(tmp_path / name, monkeypatch):
            copy = copy_of(url)
            copy.pull(SILENT)
            found = [entry["run"] for entry in entries(copy.folder, TEST_EVALUATIONS)]
            assert found == [*before, "a0", "b0", "a1", "b1"]
    shutil.copytree(copy.folder, tmp_path / "copied")  # as any tool would copy it from the store: a folder as any other
    write_down(tmp_path / "copied", TEST_EVALUATIONS, {"run": "later", "split": "s"})
    assert [entry["run"] for entry in entries(tmp_path / "copied", TEST_EVALUATIONS)] == [*found, "later"]


def test_what_two_machines_changed_is_kept_twice(
    url: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        with machine(tmp_path / name, monkeypatch):
            (begun(url, made) if name == "a" else copy_of(url)).pull(SILENT)
            copy_of(url).push(SILENT)
            write_text(copy_of(url).folder / "report.html", name)
    for name in "ab":
        with machine(tmp_path / name, monkeypatch):
            copy_of(url).push(SILENT)
            assert copy_of(url).store.read("report.html") == b"a"
            assert (copy_of(url).folder / "report.html").read_text() == "a"
    with machine(tmp_path / "b", monkeypatch):
        assert [place.read_text() for place in copy_of(url).folder.glob(f"{ASIDE}/*/report.html")] == ["b"]
        write_text(copy_of(url).folder / "report.html", "c")  # made in the knowledge of a's
        copy_of(url).push(SILENT)
        assert copy_of(url).store.read("report.html") == b"c"


def test_two_studies_at_one_url_are_refused(
    url: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine(tmp_path / "a", monkeypatch):
        begun(url, made).push(SILENT)
    other = make_study(tmp_path / "other", runs=RUNS[:1], n_train=40, n_val=20, n_test=20, epochs=2, seed=9)
    with machine(tmp_path / "b", monkeypatch):
        copy = begun(url, other)
        with pytest.raises(UsageError, match="other images"):
            copy.push(SILENT)
        assert {name: text for name, text in objects_of(copy).items() if "plans" not in name} == {
            name: text for name, text in files_of(made).items() if "plans" not in name
        }


def test_a_study_that_was_removed_is_not_brought_back_in_silence(url: str, made: Path) -> None:
    copy = begun(url, made)
    copy.push(SILENT)
    for name in copy.store.list():
        copy.store.remove(name)
    with pytest.raises(HeldoutError, match="is gone"):
        copy.pull(SILENT)
    assert files_of(copy.folder) == files_of(made)


def test_a_run_that_was_removed_from_the_store_lies_aside(url: str, made: Path) -> None:
    copy = begun(url, made)
    copy.push(SILENT)
    run = sorted(copy.folder.glob("runs/*"))[0].name
    for name in copy.store.list(f"runs/{run}"):
        copy.store.remove(name)
    notes = Notes()
    copy.pull(notes)
    assert not (copy.folder / "runs" / run / "run.json").exists()
    assert any(run in note for note in notes.notes)
    assert list(copy.folder.glob(f"{ASIDE}/*/runs/{run}/run.json"))
