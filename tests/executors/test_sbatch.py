"""What `sbatch` is given, and what becomes of its refusals; a script on the PATH stands for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from heldout.cli import ExitStatus
from heldout.errors import HeldoutError
from heldout.executors import Resources
from heldout.executors import slurm as slurm_module
from heldout.executors.slurm import SlurmExecutor, asked_of
from heldout.progress import Gathered, Silent
from heldout.runs.share import Job
from tests.cli.call import call
from tests.executors.never import Never
from tests.worlds.bright_cells import bright_cells

pytest.importorskip("submitit", reason="the extra `slurm` is not installed")

REFUSES = "echo 'sbatch: error: invalid partition specified: gpuu' >&2\nexit 1"
TAKES = "cp \"$1\" given.sh\necho 'Submitted batch job 17'"


@pytest.fixture
def login_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this machine one whose `sbatch` does what a script says; its working folder is `tmp_path`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(slurm_module, "POLL", 0.01)

    def make(script: str) -> None:
        for name, text in (("srun", "exit 0"), ("sbatch", script)):
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)

    return make


def submitted(executor: SlurmExecutor, jobs: int) -> dict[str, str]:
    """Submit jobs; what sbatch was given, by the names of its options."""
    with Gathered(Silent(), "study", jobs) as bar:
        executor._submitted([Never(executor.study / f"claim {k}") for k in range(jobs)], bar)
    lines = Path("given.sh").read_text().splitlines()
    options = [line.removeprefix("#SBATCH --").partition("=") for line in lines if line.startswith("#SBATCH --")]
    return {name: value for name, _, value in options} | {"script": "\n".join(lines)}


def test_sbatch_is_given_what_was_asked_for(login_node: Callable[[str], None], tmp_path: Path) -> None:
    login_node(TAKES)
    asked = asked_of("partition=gpu,account=lab,qos=long,constraint=a100,minutes=60,memory_gb=32,at_once=2")
    given = submitted(SlurmExecutor(asked, Resources(cpus=4, gpus=2), tmp_path), 3)
    expected = {"partition": "gpu", "account": "lab", "qos": "long", "constraint": "a100", "time": "60"}
    expected |= {"mem": "32GB", "cpus-per-task": "4", "gpus-per-node": "2", "array": "0-2%2"}
    assert {name: given[name] for name in expected} == expected
    assert "export OMP_NUM_THREADS=4" in given["script"].splitlines()


def test_what_was_not_asked_for_is_the_cluster_s_own(login_node: Callable[[str], None], tmp_path: Path) -> None:
    login_node(TAKES)
    given = submitted(SlurmExecutor(asked_of(""), Resources(), tmp_path), 2)
    assert not {"partition", "account", "qos", "constraint", "gpus-per-node"} & set(given)
    assert (given["time"], given["mem"], given["cpus-per-task"]) == ("240", "16GB", "1")


@pytest.mark.parametrize("cluster", ["slurm", "local"])
def test_a_run_may_need_many_tasks_of_its_minutes(
    cluster: str, login_node: Callable[[str], None], tmp_path: Path
) -> None:
    login_node(TAKES)
    scheduler = SlurmExecutor(asked_of(f"cluster={cluster}"), Resources(), tmp_path)._opened_scheduler()
    assert scheduler._executor.max_num_timeout == slurm_module.TIMEOUTS >= 1000


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_sbatch_refuses_is_told_in_its_words(jobs: int, login_node: Callable[[str], None], tmp_path: Path) -> None:
    login_node(REFUSES)
    executor = SlurmExecutor(asked_of("partition=gpuu"), Resources(), tmp_path)
    with pytest.raises(HeldoutError, match=r"Slurm refused.*invalid partition specified: gpuu"):
        executor.run([Never(tmp_path / f"claim {k}") for k in range(jobs)], Silent())


@pytest.mark.parametrize(
    ("script", "words"), [("echo 'Please log in again'", "Please log in again"), ("exit 1", "it said nothing")]
)
def test_any_answer_but_a_number_is_a_refusal(
    script: str, words: str, login_node: Callable[[str], None], tmp_path: Path
) -> None:
    login_node(script)
    with pytest.raises(HeldoutError, match=f"Slurm refused.*{words}"):
        SlurmExecutor(asked_of(""), Resources(), tmp_path).run([Never(tmp_path / "claim")], Silent())


def test_the_command_line_foresees_a_refusal(login_node: Callable[[str], None], tmp_path: Path) -> None:
    login_node(REFUSES)
    data = bright_cells(tmp_path / "data")
    words = ("--models", "efficientnet_lite0", "--strategies", "probe", "--image-size", 32, "--out", tmp_path / "study")
    answer = call("run", data, *words, "--on", "slurm:partition=gpuu")
    assert answer.status == ExitStatus.ERROR
    assert "invalid partition" in answer.err and "foresee" not in answer.err


def test_a_lost_task_that_sbatch_refuses_leaves_the_others(
    login_node: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first task is lost, and the partition closed meanwhile; the second one goes on and is not cancelled."""
    login_node(REFUSES)
    (tmp_path / "result").touch()
    cancelled: list[str] = []
    executor = SlurmExecutor(asked_of(""), Resources(), tmp_path)

    def task(number: int, state: str, result: str) -> Any:
        paths = SimpleNamespace(result_pickle=tmp_path / result, stderr=tmp_path / "none.err")
        return SimpleNamespace(
            job_id=f"17_{number}",
            state=state,
            paths=paths,
            done=lambda: True,
            exception=lambda: None,
            cancel=lambda check: cancelled.append(f"{number}"),
        )

    def begun(jobs: list[Job], bar: Gathered) -> list[Any]:
        handles = [task(0, "NODE_FAIL", "none"), task(1, "COMPLETED", "result")]
        return [slurm_module._Task(job, one, bar.piece(1)) for job, one in zip(jobs, handles, strict=bool(jobs))]

    monkeypatch.setattr(executor, "_submitted", begun)
    told: list[str] = []

    class Notes(Silent):
        def note(self, text: str) -> None:
            told.append(text)

    with pytest.raises(HeldoutError, match=r"First was lost as 17_0 \(NODE_FAIL\)\. Slurm refused.*invalid partition"):
        executor.run([Never(tmp_path / "a", "First"), Never(tmp_path / "b", "Second")], Notes())
    assert not cancelled and "Second, finished." in told
