"""`--on slurm[:NAME=VALUE,…]`: every run of a study as a task of an array of jobs, on a shared file system.

A task is a process as any other that works on the study: it claims its run, trains it and writes its folder. This
process only submits, watches and tells; where it ends, what it submitted is cancelled, and goes on wherever it is
asked for next.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from heldout.errors import HeldoutError, UsageError
from heldout.executors.backend import Backend, Resources
from heldout.optional import check, require
from heldout.progress import Epoch, Gathered, Piece, Reporter
from heldout.runs.share import Executor, Job, Share

POLL = 2.0
"""Seconds between two looks at what the tasks are at; the scheduler itself is asked more rarely, by submitit."""

FINAL = {
    "CANCELLED": "It was cancelled.",
    "OUT_OF_MEMORY": "It needed more memory; ask for more with --on slurm:memory_gb=N.",
}
"""States of a task that would end the same way again, with what is said (`man squeue`, JOB STATE CODES)."""

TIMEOUTS = 1000
"""How often a job is submitted again that its task's minutes did not suffice for; submitit's own 3 would end a run
after 16 hours where a task may take four. There is an end, for a run whose task never gets through an epoch."""

TRIES = 3
"""How often a job is submitted whose task ends without it being done and without an error: a node that was lost."""


@dataclass(frozen=True)
class Asked:
    """What `slurm:NAME=VALUE,…` may say.

    Attributes:
        cluster: `slurm`, or `local`: processes of this machine, to try it out.
        partition: Of the cluster; empty for its default.
        account: That is charged; empty for the default.
        qos: Quality of service; empty for the default.
        constraint: Features that a node must have; empty for none.
        minutes: That a task may take.
        memory_gb: That a task may take.
        at_once: Tasks that run at once, at most.
    """

    cluster: str = "slurm"
    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    minutes: int = 240
    memory_gb: int = 16
    at_once: int = 64


class Slurm(Backend):
    """Slurm, through submitit (extra `slurm`): one task of an array a run, on a file system that all nodes share.

    After the colon: partition, account, qos, constraint, minutes (240), memory_gb (16) and at_once (64), as in
    `--on slurm:partition=gpu,minutes=60`; `cluster=local` starts processes of this machine instead. Logs are kept in
    `slurm/` in the study's folder.
    """

    name = "slurm"

    def open(self, address: str, resources: Resources, study: Path) -> AbstractContextManager[Executor]:
        """See that submitit is installed and what it is told makes sense; the first job is what it submits."""
        asked = asked_of(address)
        if resources.gpus % 1:
            raise UsageError(f"Found --gpus-per-run {resources.gpus:g} with --on slurm; expected a whole number.")
        check("submitit", "slurm")
        return nullcontext(SlurmExecutor(asked, resources, study))


def asked_of(text: str) -> Asked:
    """What stands after the colon.

    Raises:
        UsageError: It is no such thing.
    """
    asked, known = Asked(), Asked.__annotations__
    for part in filter(None, text.split(",")):
        name, sign, value = part.partition("=")
        number = isinstance(getattr(asked, name, ""), int)
        if not sign or name not in known or (number and not (value.isdigit() and int(value))):
            expected = ", ".join(f"{one}={getattr(Asked(), one) or 'NAME'}" for one in known)
            raise UsageError(f"Found '{part}' in --on slurm:{text}; expected some of {expected}, with commas between.")
        given: dict[str, Any] = {name: int(value) if number else value}
        asked = replace(asked, **given)
    if asked.cluster not in ("slurm", "local"):
        raise UsageError(f"Found cluster={asked.cluster} in --on slurm:{text}; expected slurm or local.")
    return asked


@dataclass
class _Task:
    """A job that was submitted.

    Attributes:
        job: What.
        handle: submitit's.
        piece: Its part of the bar.
        tries: How often it was submitted.
    """

    job: Job
    handle: Any
    piece: Piece
    tries: int = 1


@dataclass
class SlurmExecutor:
    """Jobs as tasks of an array.

    Attributes:
        asked: Of the scheduler.
        resources: Of every task.
        study: Folder whose `slurm/` holds the logs.
    """

    asked: Asked
    resources: Resources
    study: Path
    _scheduler: Any = None
    _failed: list[str] = field(default_factory=list)

    @property
    def is_here(self) -> bool:
        """It is not."""
        return False

    def run(self, jobs: Sequence[Job], reporter: Reporter) -> None:
        """Submit what is left of them, and wait until it is done.

        Raises:
            HeldoutError: Some failed; all of them, with their logs.
        """
        left = Share(jobs, reporter).left()
        if not left:
            return
        self._failed.clear()
        with Gathered(reporter, "study", sum(job.steps for job in left)) as bar:
            tasks: list[_Task] = []
            try:
                self._watch(left, tasks, bar)
            except BaseException:
                for task in tasks:
                    with suppress(Exception):  # it may just have ended
                        task.handle.cancel(check=False)
                raise
        if self._failed:
            raise HeldoutError("\n\n".join(self._failed))

    def _watch(self, left: list[Job], tasks: list[_Task], bar: Gathered) -> None:
        """Submit and watch until nothing is left; what is under way stands in `tasks`."""
        waiting = list(left)
        limited = self.asked.cluster == "local"  # Slurm limits an array itself
        while waiting or tasks:
            room = max(0, self.asked.at_once - len(tasks)) if limited else len(waiting)
            tasks += self._submitted(waiting[:room], bar)
            del waiting[:room]
            for task in tuple(tasks):
                if self._is_over(task, bar):
                    tasks.remove(task)
            if waiting or tasks:
                time.sleep(POLL)

    def _submitted(self, jobs: Sequence[Job], bar: Gathered) -> list[_Task]:
        """One array of these jobs."""
        if not jobs:
            return []
        scheduler = self._opened_scheduler()
        what = f"{len(jobs)} tasks" if len(jobs) > 1 else f"the task of {jobs[0].title}"
        with _refusals(what), scheduler.batch():
            handles = [scheduler.submit(Do(), job) for job in jobs]
        for job, handle in zip(jobs, handles, strict=True):
            bar.note(f"{job.title}, submitted as {handle.job_id}.")
        return [_Task(job, handle, bar.piece(job.steps)) for job, handle in zip(jobs, handles, strict=True)]

    def _is_over(self, task: _Task, bar: Gathered) -> bool:
        """Whether nothing more is to be waited for; tells how far it is."""
        ended = task.handle.done()
        if not ended:
            task.piece.reach(task.job.steps_done())
            return False
        error = task.handle.exception()
        if error is None and not _is_lost(task.handle):
            task.piece.reach(task.job.steps)
            bar.note(f"{task.job.title}, finished.")
            return True
        state, log = task.handle.state, task.handle.paths.stderr
        final = next((words for name, words in FINAL.items() if str(state).startswith(name)), "")
        if _is_lost(task.handle) and task.tries < TRIES and not final:
            bar.note(f"{task.job.title}: its task was lost ({state}). It is submitted again.")
            try:
                with _refusals(f"the task of {task.job.title}"):
                    task.handle = self._opened_scheduler().submit(Do(), task.job)
            except HeldoutError as refused:  # the other tasks go on
                self._failed.append(f"{task.job.title} was lost as {task.handle.job_id} ({state}). {refused}")
                return True
            task.tries += 1
            return False
        said = _last(log) if error is None or _is_lost(task.handle) else _reason(error)
        words = " ".join(filter(None, (final, said)))
        self._failed.append(f"{task.job.title} failed as {task.handle.job_id} ({state}): {words}\nIts log: {log}")
        return True

    def _opened_scheduler(self) -> Any:
        """Submitit's executor with all that was asked for."""
        if self._scheduler is None:
            submitit: Any = require("submitit", "slurm")
            try:
                scheduler = submitit.AutoExecutor(
                    folder=self.study / "slurm",
                    cluster=self.asked.cluster,
                    slurm_max_num_timeout=TIMEOUTS,
                    local_max_num_timeout=TIMEOUTS,
                )
            except Exception as error:  # no sbatch on this machine
                raise HeldoutError(f"Slurm cannot be used here: {error}. Call this on a login node.") from error
            scheduler.update_parameters(**_parameters(self.asked, self.resources))
            self._scheduler = scheduler
        return self._scheduler


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    """What the scheduler says in place of a task's number: a partition that is none, an account, a limit.

    Raises:
        HeldoutError: It said that; sbatch is not there; or the study's folder takes no file of the task's.
    """
    try:
        yield
    except OSError as error:
        raise HeldoutError(f"Slurm could not be given {what}: {error}.") from error
    except Exception as error:
        kinds: Any = require("submitit.core.utils", "slurm")
        if not isinstance(error, kinds.FailedJobError | kinds.FailedSubmissionError):
            raise
        words = " ".join(str(error).split()) or "it said nothing"
        raise HeldoutError(
            f"Slurm refused {what}: {words}. What it is asked for stands in --on slurm:NAME=VALUE,…, --cpus-per-run "
            f"and --gpus-per-run."
        ) from error


def _parameters(asked: Asked, resources: Resources) -> Mapping[str, Any]:
    """What submitit is told."""
    given: dict[str, Any] = {"name": "heldout", "timeout_min": asked.minutes, "cpus_per_task": resources.cpus}
    if asked.cluster == "local":
        return given | ({"gpus_per_node": int(resources.gpus)} if resources.gpus else {})
    given |= {"mem_gb": asked.memory_gb, "slurm_array_parallelism": asked.at_once}
    given |= {"slurm_setup": [f"export OMP_NUM_THREADS={resources.cpus}"]}
    if resources.gpus:
        given["gpus_per_node"] = int(resources.gpus)
    for name in ("partition", "account", "qos", "constraint"):
        if value := getattr(asked, name):
            given[f"slurm_{name}"] = value
    return given


def _is_lost(handle: Any) -> bool:
    """Whether a task ended without leaving a result or an error of its own."""
    return not handle.paths.result_pickle.exists()


def _reason(error: Exception) -> str:
    """The last lines of what submitit says of an error, which ends with the error itself."""
    return "\n".join(str(error).strip().splitlines()[-8:])


def _last(log: Path) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-8:])
    except OSError:
        return "it left no log"


class Do:
    """A job in a task's process; where another process is at it, wait for that one."""

    def __call__(self, job: Job) -> None:
        """Do it, and write its progress into the task's log."""
        Share([job], _Log()).run()

    def checkpoint(self, job: Job) -> Any:
        """What submitit submits in its place when the task's time is over: it goes on from its last epoch."""
        helpers: Any = require("submitit.helpers", "slurm")
        return helpers.DelayedSubmission(self, job)


class _Log:
    """A reporter that writes epochs and notes to the standard error, which is the task's log."""

    def begin(self, title: str, total: int) -> None:
        """Nothing is written."""

    def step(self, epoch: Epoch | None = None) -> None:
        """An epoch is written."""
        if epoch is not None:
            self.note(f"Epoch {epoch.epoch}: validation accuracy {epoch.val_accuracy:.4f}, {epoch.seconds:.2f} s.")

    def end(self) -> None:
        """Nothing is written."""

    def note(self, text: str) -> None:
        """It is written."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


EXECUTOR = Slurm()
