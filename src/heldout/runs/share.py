"""Work that several processes share: each takes what nobody else is at, and waits for the rest."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from heldout.claims import Claim, ClaimLostError, Claims, owner_of
from heldout.progress import Gathered, Reporter
from heldout.work import HERE, Dispatcher

POLL = 1.0
"""Seconds between two rounds in which everything that is left was another process's."""

MOST = 1000
"""Jobs that one process waits for at once: each is a thread that sleeps."""


class Job(ABC):
    """A piece of work that one process does; a dataclass, which another process can be given.

    Attributes:
        title: What it is, for people.
        quiet: Whether only that is said which other processes do.
        steps: Epochs that it trains, as far as that is known before.
    """

    title: str
    quiet: bool = False
    steps: int = 1

    @property
    @abstractmethod
    def claim(self) -> Path:
        """The file by which a process claims it."""

    @abstractmethod
    def is_done(self) -> bool:
        """Whether it is done, by whichever process."""

    def is_left(self) -> bool:
        """Whether a machine that shares no files with this one was at it a moment ago; it is not asked again yet."""
        return False

    def held(self) -> AbstractContextManager[None]:
        """Hold within the block what else stands for it, where machines share no files.

        Raises:
            ClaimLostError: Another machine is at it.
        """
        return nullcontext()

    @abstractmethod
    def work(self, claim: Claim, reporter: Reporter, dispatcher: Dispatcher) -> None:
        """Do it, or go on with it.

        Args:
            claim: On it, held by this process.
            reporter: Told of progress.
            dispatcher: Has done what takes long.
        """

    def steps_done(self) -> int:
        """Epochs that whoever works on it has done so far, as its files tell."""
        return 0


class Executor(Protocol):
    """Where the jobs of a study are done."""

    @property
    def is_here(self) -> bool:
        """Whether this process computes: what its machine cannot do is then told at once."""

    def run(self, jobs: Sequence[Job], reporter: Reporter) -> None:
        """Return when every job is done, by this process, by what it started, or by another.

        Raises:
            HeldoutError: A job failed.
        """


@dataclass
class Share:
    """The jobs of one process among others.

    Attributes:
        jobs: In the order in which they are taken.
        reporter: Told what becomes of each.
        dispatcher: Has done what takes long.
    """

    jobs: Sequence[Job]
    reporter: Reporter
    dispatcher: Dispatcher = HERE
    _claims: Claims = field(default_factory=Claims)
    _told: set[Path] = field(default_factory=set)

    def run(self) -> None:
        """Return when every job is done, by this process or another.

        A job whose process failed or was stopped is taken over; what fails here ends this process only.
        """
        left = self.left()
        while left:
            still = [job for job in left if not self._try(job, self.reporter)]
            if len(still) == len(left):
                time.sleep(POLL)
            left = still

    def run_at_once(self, room: Callable[[], int], stop: Callable[[], None]) -> None:
        """The same with several jobs at once that are `left`, whose work the dispatcher has done elsewhere, in one bar.

        After a failure nothing new is begun, and what is under way is ended; then the failure is raised.

        Args:
            room: How many jobs may be under way now.
            stop: Ends what was dispatched; for an interruption.
        """
        left = deque(self.jobs)
        bar = Gathered(self.reporter, "study", sum(job.steps for job in left))
        under_way: dict[Future[bool], Job] = {}
        failed: BaseException | None = None
        with bar, ThreadPoolExecutor(MOST) as pool:
            try:
                while under_way or (left and failed is None):
                    while left and failed is None and len(under_way) < max(1, room()):
                        job = left.popleft()
                        under_way[pool.submit(self._try_or_wait, job, bar)] = job
                    done, _ = wait(under_way, POLL, FIRST_COMPLETED)
                    for future in done:
                        job, error = under_way.pop(future), future.exception()
                        if error is not None and failed is None and under_way:
                            bar.note(f"{job.title} failed: {error} What is under way is finished first.")
                        failed = failed or error
                        if error is None and not future.result():
                            left.append(job)
            except BaseException:
                stop()
                raise
        if failed is not None:
            raise failed

    def left(self) -> list[Job]:
        """Jobs that are not done; what is done is said."""
        left = []
        for job in self.jobs:
            if not job.is_done():
                left.append(job)
            elif not job.quiet:
                self._note(job, "finished before, not trained again")
        return left

    def _try_or_wait(self, job: Job, bar: Gathered) -> bool:
        """Whether the job is done now; where another process is at it, after a moment."""
        with bar.piece(job.steps) as piece:
            done = self._try(job, piece)
            piece.done = done
        if not done:
            time.sleep(POLL)
        return done

    def _try(self, job: Job, reporter: Reporter) -> bool:
        """Whether the job is done now."""
        if self._is_done(job):
            return True
        if job.is_left():
            return False
        claim = self._claims.take(job.claim)
        if claim is None:
            self._tell_owner(job)
            return False
        with claim, ExitStack() as all_claims:
            try:
                all_claims.enter_context(job.held())
            except ClaimLostError as error:
                self._tell_once(job, str(error))
                return False
            if job.is_done():  # between the question above and the claims
                return self._is_done(job)
            if not job.quiet:
                self._note(job, "training")
            try:
                job.work(claim, reporter, self.dispatcher)
            except ClaimLostError as error:
                self.reporter.note(str(error))
                return False
        return True

    def _is_done(self, job: Job) -> bool:
        """Whether another process did it in the meantime."""
        done = job.is_done()
        if done:
            self._note(job, "finished by another process")
        return done

    def _tell_owner(self, job: Job) -> None:
        """Say who is at it."""
        owner = owner_of(job.claim)
        if owner is not None:
            self._tell_once(job, f"{job.title}, left to process {owner.pid} on {owner.host}, which is at it.")

    def _tell_once(self, job: Job, text: str) -> None:
        if job.claim not in self._told:
            self._told.add(job.claim)
            self.reporter.note(text)

    def _note(self, job: Job, words: str) -> None:
        self.reporter.note(f"{job.title}, {words}.")


class InTurn:
    """Every job in this process, one after another."""

    is_here = True

    def run(self, jobs: Sequence[Job], reporter: Reporter) -> None:
        """Do them, and wait for what other processes are at."""
        Share(jobs, reporter).run()


IN_TURN = InTurn()
