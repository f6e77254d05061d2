"""A study as tasks of submitit's local executor: equal to the local one, whole after a task is killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from heldout.claims import owner_of
from heldout.errors import HeldoutError
from heldout.progress import Silent
from heldout.study import Study
from tests.executors.same import assert_same
from tests.worlds.bright_cells import bright_cells

pytest.importorskip("submitit", reason="the extra `slurm` is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

LONGEST = 900
"""Seconds after which what should have happened has not."""

ON = "slurm:cluster=local,at_once=2"


class Notes(Silent):
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_cells(tmp_path_factory.mktemp("data"))


def make(data: Path, out: Path, **options: Any) -> Study:
    wanted = {"epochs": 2, "image_size": 32, "seeds": 2, **options}
    return Study(data, ["efficientnet_lite0"], wanted.pop("strategies", ["bias"]), out, **wanted)


def test_runs_are_equal_and_a_killed_task_is_submitted_again(data: Path, tmp_path: Path) -> None:
    options = {"epochs": 12}
    here = make(data, tmp_path / "here", **options).run()
    study, notes = make(data, tmp_path / "away", **options), Notes()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            study.run(notes, on=ON)
        except BaseException as error:
            failed.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    deadline = time.monotonic() + LONGEST
    while not (begun := list(study.folder.glob("runs/.*.partial/checkpoint.safetensors"))):
        assert time.monotonic() < deadline and not failed
        time.sleep(0.05)
    name = begun[0].parent.name.split(".")[1]
    owner = owner_of(study.folder / "runs" / f".{name}.claim")
    assert owner is not None and owner.pid != os.getpid()
    os.kill(owner.pid, signal.SIGKILL)
    worker.join(LONGEST)
    assert not worker.is_alive() and not failed
    assert any("It is submitted again" in note for note in notes.notes)
    assert sum("submitted as" in note for note in notes.notes) == 2
    assert_same(study.folder, here.folder)


def test_a_task_that_fails_is_told_with_its_log(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make(data, tmp_path / "study", seeds=1)
    study.plan()
    for file in data.rglob("*.npy"):
        file.write_bytes(b"")  # the images are gone when the task reads them
    with pytest.raises(HeldoutError, match=r"Its log: .*slurm"):
        study.run(on=ON)
