"""What fails elsewhere: told at once, submitted again where that may help, and nothing counted is forgotten."""

from __future__ import annotations

import pickle
import shutil
import threading
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from heldout.claims import Claim
from heldout.diagnosis.experiments import Wanted, make_elsewhere
from heldout.errors import HeldoutError
from heldout.executors import Resources
from heldout.executors import ray_ as ray_module
from heldout.executors import slurm as slurm_module
from heldout.executors.slurm import TRIES, Asked, SlurmExecutor
from heldout.progress import Reporter, Silent
from heldout.runs import context as context_module
from heldout.runs.folder import read_study
from heldout.runs.ledger import DIAGNOSIS_EVALUATIONS, entries
from heldout.runs.share import Job, Share
from heldout.study import Study
from heldout.training import precision as precision_module
from heldout.work import WorkItem
from tests.contract.elsewhere.an_executor import Copies, InCopies
from tests.executors.same import assert_same
from tests.worlds.bright_cells import bright_cells


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_cells(tmp_path_factory.mktemp("data"))


def make(data: Path, out: Path, **options: Any) -> Study:
    return Study(data, ["efficientnet_lite0"], ["probe"], out, epochs=2, image_size=32, **options)


@pytest.fixture(scope="module")
def local(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(data, tmp_path_factory.mktemp("local") / "study").run().folder


def test_what_was_scored_is_counted_though_another_intervention_fails(local: Path, tmp_path: Path) -> None:
    class Fails(Copies):
        def dispatch(self, item: WorkItem[Any, Any], reporter: Reporter) -> Any:
            if "interpolation" in item.title:
                raise HeldoutError("a full disk")
            return super().dispatch(item, reporter)

    study = read_study(Path(shutil.copytree(local, tmp_path / "study")))
    (run,) = study.runs
    with pytest.raises(HeldoutError, match="a full disk"):
        make_elsewhere(study, run, Wanted("cpu"), Fails(), Silent(), ["batchnorm", "interpolation"])
    assert [one["experiment"] for one in entries(study.folder, DIAGNOSIS_EVALUATIONS)] == ["batchnorm"]


def test_a_study_behind_a_link_and_dots_is_the_same(data: Path, local: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    study = make(data, tmp_path / "link" / ".." / "real" / "study")
    study._execution.run(Silent(), InCopies())
    assert_same(tmp_path / "real" / "study", local)


def test_files_that_vouch_for_others_come_back_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = WorkItem("a run", tmp_path, None, lambda common, folder, reporter: None)
    piece = [np.frombuffer(b"text", dtype=np.uint8)]
    whole = ray_module.whole

    def full(path: Path) -> Any:
        if path.suffix == ".safetensors":
            raise OSError("a full disk")
        return whole(path)

    monkeypatch.setattr(ray_module, "whole", full)
    with pytest.raises(OSError, match="a full disk"):
        ray_module._write(item, {"runs/a/run.json": piece, "runs/a/model.safetensors": piece})
    assert not (tmp_path / "runs/a/run.json").exists()


def test_a_task_on_a_node_takes_the_weights_and_the_precision_that_were_planned(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make(data, tmp_path / "study", precision="auto")
    (job,) = study._execution.begin(Silent(), InCopies())
    decided = job.study.precisions
    monkeypatch.setattr(precision_module, "suited", lambda *given: "another")
    there = pickle.loads(pickle.dumps(job))
    assert there.study.precisions == decided
    monkeypatch.setattr(context_module.backbones, "digest", lambda info: "0" * 16)
    with pytest.raises(HeldoutError, match="heldout weights add"):
        Share([there], Silent()).run()
    Share([job], Silent()).run()  # here, the plan has just asked for them


@dataclass
class Waits(Job):
    """Fails at once, or ends when it is told that another one failed."""

    claim_file: Path
    told: threading.Event
    fails: bool
    done: list[bool] = field(default_factory=list)

    @property
    def title(self) -> str:  # type: ignore[override]
        return "The failing one" if self.fails else "The other one"

    @property
    def claim(self) -> Path:
        return self.claim_file

    def is_done(self) -> bool:
        return bool(self.done)

    def work(self, claim: Claim, reporter: Reporter, dispatcher: Any) -> None:
        if self.fails:
            raise HeldoutError("No such weights.")
        assert self.told.wait(60)
        self.done.append(True)


def test_a_failure_is_told_before_what_is_under_way_has_finished(tmp_path: Path) -> None:
    told = threading.Event()

    class Hears(Silent):
        def note(self, text: str) -> None:
            if "The failing one failed: No such weights." in text:
                told.set()

    jobs = [Waits(tmp_path / "a", told, fails=False), Waits(tmp_path / "b", told, fails=True)]
    with pytest.raises(HeldoutError, match="No such weights"):
        Share(jobs, Hears()).run_at_once(lambda: 2, lambda: None)
    assert jobs[0].done


class Scheduler:
    """Submits tasks that end at once in some state, without a result."""

    def __init__(self, folder: Path, state: str) -> None:
        self.folder, self.state, self.submitted = folder, state, 0

    def batch(self) -> Any:
        return nullcontext()

    def submit(self, work: Any, job: Job) -> Any:
        self.submitted += 1
        paths = SimpleNamespace(result_pickle=self.folder / "none.pkl", stderr=self.folder / "none.err")
        lost = RuntimeError("no result")
        return SimpleNamespace(
            job_id=str(self.submitted), done=lambda: True, exception=lambda: lost, state=self.state, paths=paths
        )


@pytest.mark.parametrize(
    ("state", "times", "words"),
    [
        ("NODE_FAIL", TRIES, "no log"),
        ("PREEMPTED", TRIES, "no log"),
        ("CANCELLED by 1000", 1, "It was cancelled."),
        ("OUT_OF_MEMORY", 1, "memory_gb=N"),
    ],
)
def test_a_task_is_submitted_again_where_that_may_help(
    state: str, times: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_module, "POLL", 0.01)
    scheduler = Scheduler(tmp_path, state)
    executor = SlurmExecutor(Asked(), Resources(), tmp_path, scheduler)
    with pytest.raises(HeldoutError, match=words):
        executor.run([Waits(tmp_path / "a", threading.Event(), fails=False)], Silent())
    assert scheduler.submitted == times
