"""`--on ray[:ADDRESS]`: every work item of a study as a Ray task, wherever the cluster has room.

The driver, this process, holds the claims and alone writes into the study's folder, so that machines need not share a
file system: what an item reads travels through the object store, once to each machine, and what it leaves comes back as
files. The items of a machine share the images and features that were made there.
"""

from __future__ import annotations

import importlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from heldout._version import __version__
from heldout.errors import HeldoutError, UsageError
from heldout.executors._ray_machine import CHUNK, Order, clear, do
from heldout.executors.backend import Backend, Resources
from heldout.files import whole
from heldout.optional import check, require
from heldout.progress import Reporter
from heldout.runs.share import Executor, Job, Share
from heldout.work import WorkItem

R = TypeVar("R")

TRIES = 4
"""How often an item is begun whose worker is lost: what takes four machines down is not a machine's fault."""

STARTING = 180
"""Seconds that a cluster on this machine has for its start, where 30 are usual: the machine may be busy."""

CLOSING = 20.0
"""Seconds that machines have at the end for removing what was copied to them."""


class Ray(Backend):
    """A Ray cluster (extra `ray`): the one at ADDRESS or in RAY_ADDRESS, else one that is started on this machine.

    Every run, fold, seed, trial of a search and intervention is a task, with its cores and GPUs. No shared file system
    is needed; heldout and the weights must be on every machine. A task whose machine is lost is done again elsewhere,
    from its last checkpoint where the study's folder can be seen from there under the same path, else from the start.
    """

    name = "ray"

    def open(self, address: str, resources: Resources, study: Path) -> AbstractContextManager[Executor]:
        """See that Ray is installed; it is started with the first job."""
        check("ray", "ray")
        return _opened(address, resources)


@contextmanager
def _opened(address: str, resources: Resources) -> Iterator[Executor]:
    executor = RayExecutor(address, resources)
    try:
        yield executor
    finally:
        executor.close()


@dataclass
class RayExecutor:
    """Jobs in threads that wait; what takes long in Ray tasks.

    Attributes:
        address: Of the cluster; empty for that in RAY_ADDRESS, or for a new one on this machine.
        resources: Of every task.
    """

    address: str
    resources: Resources
    _tasks: RayTasks | None = None
    _started: bool = False

    @property
    def is_here(self) -> bool:
        """It is not."""
        return False

    def run(self, jobs: Sequence[Job], reporter: Reporter) -> None:
        """Do what is left of them, as many at once as the cluster has room for."""
        left = Share(jobs, reporter).left()
        if left:
            tasks = self._tasks = self._tasks or self._connect(reporter)
            ahead = 1  # waits in the cluster, so that no machine waits for this process
            Share(left, reporter, tasks).run_at_once(lambda: tasks.room() + ahead, tasks.stop)

    def _connect(self, reporter: Reporter) -> RayTasks:
        """Join the cluster, or start one.

        Raises:
            HeldoutError: It cannot be reached.
            UsageError: It has no machine that a run fits on.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
        os.environ.setdefault("RAY_raylet_start_wait_time_s", str(STARTING))  # read when Ray is imported
        ray: Any = require("ray", "ray")
        if not ray.is_initialized():
            given = self.address or os.environ.get("RAY_ADDRESS", "")
            where = {"address": given} if given else {"address": "local", "include_dashboard": False}
            try:
                ray.init(**where, log_to_driver=False, logging_level="ERROR")
            except Exception as error:  # the library has many kinds
                words = " ".join(str(error).split())[:300]
                raise HeldoutError(f"The Ray cluster {given} cannot be reached ({words}). See `ray status`.") from error
            self._started = True
        tasks = RayTasks(ray, self.resources)
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not tasks.room():
            offered = ", ".join(f"{one.get('CPU', 0):g} cores and {one.get('GPU', 0):g} GPUs" for one in machines)
            raise UsageError(
                f"Found a Ray cluster with {offered or 'no machine'}; expected one with {self.resources.cpus} cores "
                f"and {self.resources.gpus:g} GPUs for a run (--cpus-per-run, --gpus-per-run)."
            )
        reporter.note(f"Ray: {len(machines)} machines, room for {tasks.room()} runs at once.")
        return tasks

    def close(self) -> None:
        """Remove what was copied to machines, and leave the cluster; one that was started here ends."""
        if self._tasks is not None:
            self._tasks.clear()
        if self._started:
            self._tasks, self._started = None, False
            require("ray", "ray").shutdown()


@dataclass
class RayTasks:
    """Has work items done as Ray tasks; may be asked by several threads.

    Attributes:
        ray: The module, connected.
        resources: Of every task.
    """

    ray: Any
    resources: Resources
    session: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    _objects: dict[tuple[object, ...], tuple[Any, ...]] = field(default_factory=dict)
    _under_way: set[Any] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    @cached_property
    def _task(self) -> Any:
        """What does an item, as Ray knows it: told to the cluster once."""
        options = {"num_cpus": self.resources.cpus, "num_gpus": self.resources.gpus, "max_retries": 0}
        return self.ray.remote(num_returns="streaming", runtime_env=self._environment, **options)(do)

    @property
    def _environment(self) -> dict[str, Any]:
        """Of every task, so that one worker does them all."""
        return {"env_vars": {"OMP_NUM_THREADS": str(self.resources.cpus)}}

    def room(self) -> int:
        """Items that the machines can do at once, as they are now."""
        wanted = {"CPU": self.resources.cpus, "GPU": self.resources.gpus}
        machines = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        fitting = [[have.get(name, 0.0) / amount for name, amount in wanted.items() if amount] for have in machines]
        return sum(int(min(shares) + 1e-9) for shares in fitting)

    def dispatch(self, item: WorkItem[Any, R], reporter: Reporter) -> R:
        """Have it done; again, where the worker is lost.

        Raises:
            HeldoutError: It failed, or its workers were lost again and again.
        """
        lost = self.ray.exceptions
        kinds = (lost.WorkerCrashedError, lost.NodeDiedError, lost.ObjectLostError, lost.OutOfMemoryError)
        words = ""
        for attempt in range(TRIES):
            if attempt:
                reporter.note(f"{item.title}: its worker was lost ({words}). It is tried again.")
            try:
                return self._done(item, reporter)
            except kinds as error:
                words = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
            except lost.TaskCancelledError as error:
                raise HeldoutError(f"{item.title} was stopped.") from error
            except lost.RayTaskError as error:  # before the work itself began: a full disk, a package that is missing
                raise HeldoutError(f"{item.title} could not be done: {error.cause or error}") from error
            if self._stopped:
                raise HeldoutError(f"{item.title} was stopped.")
        raise HeldoutError(f"{item.title}: {TRIES} workers were lost, the last one with {words}.")

    def dispatch_all(self, items: Sequence[WorkItem[Any, R]], reporter: Reporter) -> list[R]:
        """Have them done at once, as far as there is room."""
        with ThreadPoolExecutor(max(1, len(items))) as pool:
            return list(pool.map(lambda item: self.dispatch(item, reporter), items))

    def stop(self) -> None:
        """End what is under way."""
        self._stopped = True
        for messages in tuple(self._under_way):
            with suppress(Exception):  # it may just have ended
                self.ray.cancel(messages, force=True)

    def clear(self) -> None:
        """Remove what was copied to machines that can be reached."""
        self._objects.clear()
        strategy: Any = importlib.import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy
        task = self.ray.remote(num_cpus=0, max_retries=0, runtime_env=self._environment)(clear)
        with suppress(Exception):  # a machine may be gone by now
            nodes = [node["NodeID"] for node in self.ray.nodes() if node["Alive"]]
            here = [task.options(scheduling_strategy=strategy(node, soft=False)).remote(self.session) for node in nodes]
            self.ray.wait(here, num_returns=len(here), timeout=CLOSING)

    def _done(self, item: WorkItem[Any, R], reporter: Reporter) -> R:
        """Send it, tell what comes back, write its files, give its result."""
        with self._lock:  # images are decoded once, and objects put once
            order = self._order(item, reporter)
        messages = self._task.remote(order)
        self._under_way.add(messages)
        if self._stopped:  # an interruption that came before this one could be seen
            self.ray.cancel(messages, force=True)
        pieces: dict[str, list[Any]] = {}
        try:
            for reference in messages:
                kind, content = self.ray.get(reference)
                if kind == "epoch":
                    reporter.step(content)
                elif kind == "note":
                    reporter.note(content)
                elif kind == "piece":
                    name, piece = content
                    pieces.setdefault(name, []).append(piece)
                elif kind == "error":
                    raise content
                else:
                    result: R = content
                    item.arrived(result)
                    _write(item, pieces)
                    return result
        finally:
            self._under_way.discard(messages)
        raise HeldoutError(f"{item.title} ended without a result.")

    def _order(self, item: WorkItem[Any, Any], reporter: Reporter) -> Order:
        """The item, what it reads being in the object store."""
        pickle: Any = importlib.import_module("ray.cloudpickle")
        text = pickle.dumps(item.common)
        common = self._put(("common", text), lambda: [self.ray.put(text)])
        files: dict[str, tuple[Any, ...]] = {}
        for name in item.reads(reporter):
            place = item.study / name
            for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
                if file.is_file() and not file.name.startswith("."):
                    about = file.stat()
                    key = (str(file.absolute()), about.st_size, about.st_mtime_ns)
                    files[file.relative_to(item.study).as_posix()] = self._put(key, partial(self._pieces, file))
        return Order(item.work, common, files, item.leaves, item.kept, __version__, self.session)

    def _put(self, key: tuple[object, ...], make: Callable[[], Sequence[Any]]) -> tuple[Any, ...]:
        if key not in self._objects:
            self._objects[key] = tuple(make())
        return self._objects[key]

    def _pieces(self, file: Path) -> list[Any]:
        """References to the pieces of a file; none of an empty one."""
        size = file.stat().st_size
        if not size:
            return []
        mapped = np.memmap(file, dtype=np.uint8, mode="r")
        return [self.ray.put(np.asarray(mapped[start : start + CHUNK])) for start in range(0, size, CHUNK)]


def _write(item: WorkItem[Any, Any], files: dict[str, list[Any]]) -> None:
    """Put files that came back into the study's folder, each whole; of those that items share the first one stays."""
    for name, pieces in sorted(files.items(), key=lambda one: one[0].endswith(".json")):  # they vouch for the others
        if name.partition("/")[0] in item.kept and (item.study / name).is_file():
            continue
        with whole(item.study / name) as temporary, temporary.open("wb") as out:
            for piece in pieces:
                out.write(piece)


EXECUTOR = Ray()
