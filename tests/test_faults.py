"""What the system refuses ends in one sentence, leaves what was there, and leaves no litter."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import SafetensorError

from heldout.array_files import create_array, seal
from heldout.cli import ExitStatus
from heldout.data.store import build_store
from heldout.diagnosis.results import write_result
from heldout.files import append_line, whole_folder, write_json, write_once, write_text
from heldout.records import Cohort, Split
from heldout.records.codec import write_record
from heldout.records.table_file import save_table
from heldout.report import write_report
from heldout.runs.ledger import TEST_EVALUATIONS, write_down
from heldout.system_errors import REASONS, told
from tests.cli.call import call
from tests.worlds.made_study import RUNS, make_study

KINDS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EFBIG)

TABLE = pd.DataFrame({"id": ["a", "b"], "x": [1.0, 2.0]})


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "study"
    return make_study(folder, runs=RUNS[:2], n_train=40, n_val=30, n_test=20, epochs=3)


def folder_of_two(place: Path) -> None:
    with whole_folder(place / "folder") as made:
        (made / "a").write_text("a")


def sealed(place: Path) -> None:
    with whole_folder(place / "cache") as made:
        create_array(made / "a.npy", np.uint8, (4, 4))
        seal(made)


WRITERS: dict[str, Callable[[Path, Cohort, Split], object]] = {
    "text": lambda place, *_: write_text(place / "a.txt", "new"),
    "json": lambda place, *_: write_json(place / "a.json", {"new": 1}),
    "once": lambda place, *_: write_once(place / "once.json", "new"),
    "line": lambda place, *_: append_line(place / "lines.jsonl", "new"),
    "ledger": lambda place, *_: write_down(place, TEST_EVALUATIONS, {"run": "new"}),
    "folder": lambda place, *_: folder_of_two(place),
    "array": lambda place, *_: sealed(place),
    "table": lambda place, *_: save_table(TABLE, place / "a.parquet"),
    "cohort": lambda place, cohort, _: cohort.save(place / "cohort.parquet"),
    "split": lambda place, _, split: split.save(place / "split.parquet"),
    "record": lambda place, _, split: write_record(place / "record.json", RUNS[0]),
    "experiment": lambda place, *_: write_result(place / "x.json", {"format": 1}, TABLE),
}
"""Everything through which files are written; a new way of writing comes here."""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_refused_write_leaves_what_was_there(
    study: Path, tmp_path: Path, writer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort, split = Cohort.load(study / "cohort.parquet"), Split.load(study / "split.parquet")
    for name in ("a.txt", "a.json", "a.parquet", "cohort.parquet", "split.parquet", "record.json", "x.json"):
        (tmp_path / name).write_text("old")
    before = contents(tmp_path)

    for number in KINDS:

        def refuse(_: int, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", refuse)
            with pytest.raises(OSError) as caught:
                WRITERS[writer](tmp_path, cohort, split)
        assert caught.value.errno == number and REASONS[number][0] in str(told(caught.value)).lower()
        after = contents(tmp_path)
        if writer not in ("line", "ledger"):  # a line that was not flushed may be there
            assert after == before
        assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


def test_errors_that_libraries_wrap_are_told_alike() -> None:
    full = str(told(OSError(errno.ENOSPC, "x")))
    assert "disk is full" in full
    for error in (
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError("[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device"),
    ):
        assert str(told(error)) == full
    assert "memory" in str(told(MemoryError()))
    assert told(ValueError("28")) is None
    assert str(told(OSError(errno.EACCES, "x", "place"))).startswith("place: ")


COMMANDS: dict[str, Callable[[Path, Path], tuple[object, ...]]] = {
    "report": lambda study, place: ("report", study, "--out", place / "r.html"),
    "compare": lambda study, place: ("compare", study, "--bootstrap", 100, "--csv", place / "c.csv"),
    "diagnose": lambda study, place: ("diagnose", study, "--no-experiments", "--bootstrap", 100),
    "phantom": lambda study, place: ("phantom", place / "cells", "--n", 40, "--image-size", 32),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_say_that_the_disk_is_full(
    study: Path, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    answer = call(*COMMANDS[command](study, tmp_path))
    assert answer.status is ExitStatus.ERROR
    assert "disk is full" in answer.err.lower() and "foresee" not in answer.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["folder", "file/below", "/dev/null/below", "x" * 300])
def test_a_report_that_cannot_stand_there(study: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    answer = call("report", study, "--out", tmp_path / place)
    assert answer.status is ExitStatus.ERROR and len(answer.err.splitlines()) == 1 and "foresee" not in answer.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_what_a_person_wrote_is_not_written_over(study: Path, tmp_path: Path) -> None:
    for words, name in ((("report", study, "--out"), "mine.html"), (("compare", study, "--csv"), "mine.csv")):
        mine = tmp_path / name
        mine.write_text("id,notes\n")
        answer = call(*words, mine)
        assert answer.status is ExitStatus.USAGE and "--overwrite" in answer.err
        assert mine.read_text() == "id,notes\n"
        assert call(*words, mine, "--overwrite").status is ExitStatus.OK
        assert call(*words, mine).status is ExitStatus.OK  # it is ours now
    with pytest.raises(Exception, match="overwrite"):
        (tmp_path / "report.html").write_text("mine")
        write_report(study, tmp_path / "report.html")


@contextmanager
def no_file_above(limit: int) -> Iterator[None]:
    """As `ulimit -f`: a real refusal of the system."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_room_is_taken_before_an_array_is_mapped(tmp_path: Path) -> None:
    """Without it the process would end by SIGBUS or SIGXFSZ at the first page that finds no room."""
    with no_file_above(1 << 16), pytest.raises(OSError) as caught:
        create_array(tmp_path / "a.npy", np.uint8, (1 << 18,))
    assert caught.value.errno == errno.EFBIG
    create_array(tmp_path / "b.npy", np.uint8, (1 << 18,))
    assert (tmp_path / "b.npy").stat().st_blocks * 512 >= 1 << 18


def test_a_store_for_which_there_is_no_room_leaves_none(study: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 64, 64), dtype=np.uint8))
    cohort = Cohort.load(study / "cohort.parquet")
    with no_file_above(1 << 14), pytest.raises(OSError) as caught:
        build_store(cohort, list(cohort.table["id"][:30]), 64, "stretch", "bilinear", tmp_path / "images")
    assert caught.value.errno == errno.EFBIG and not list((tmp_path / "images").iterdir())


@pytest.mark.parametrize(
    ("redirected", "status", "said"),
    [("> /dev/full", 1, "disk is full"), (">&-", 1, "Standard output is closed"), ("2>&- | head -1 >&-", None, "")],
)
def test_standard_output_that_takes_nothing(redirected: str, status: int | None, said: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    command = f'"{sys.executable}" -c "from heldout.cli import entry; entry()" strategies {redirected}'
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert status is None or found.returncode == status
    assert said in found.stderr and "Traceback" not in found.stderr


def test_a_terminal_that_knows_ascii_only_is_given_ascii(study: Path) -> None:
    command = [sys.executable, "-c", "from heldout.cli import entry; entry()", "compare", str(study)]
    surroundings = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    found = subprocess.run(command, capture_output=True, check=False, timeout=60, env=surroundings)
    assert found.returncode == 0, found.stderr
    assert found.stdout.isascii() and b"?" not in found.stdout and b" - " in found.stdout
