"""Work that several processes share: each takes what nobody else is at, and waits for the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from heldout.claims import Claim, ClaimLostError, Claims, owner_of
from heldout.progress import Reporter

POLL = 1.0
"""Seconds between two rounds in which everything that is left was another process's."""


@dataclass(frozen=True)
class Job:
    """A piece of work that one process does.

    Attributes:
        title: What it is, for people.
        claim: The file by which a process claims it.
        is_done: Whether it is done, by whichever process.
        work: Does it, or goes on with it.
        quiet: Whether only that is said which other processes do.
    """

    title: str
    claim: Path
    is_done: Callable[[], bool]
    work: Callable[[Claim], object]
    quiet: bool = False


@dataclass
class Share:
    """The jobs of one process among others.

    Attributes:
        jobs: In the order in which they are taken.
        reporter: Told what becomes of each.
    """

    jobs: Sequence[Job]
    reporter: Reporter
    _claims: Claims = field(default_factory=Claims)
    _told: set[Path] = field(default_factory=set)

    def run(self) -> None:
        """Return when every job is done, by this process or another.

        A job whose process failed or was stopped is taken over; what fails here ends this process only.
        """
        left = []
        for job in self.jobs:
            if not job.is_done():
                left.append(job)
            elif not job.quiet:
                self._note(job, "finished before, not trained again")
        while left:
            still = [job for job in left if not self._try(job)]
            if len(still) == len(left):
                time.sleep(POLL)
            left = still

    def _try(self, job: Job) -> bool:
        """Whether the job is done now."""
        if self._is_done(job):
            return True
        claim = self._claims.take(job.claim)
        if claim is None:
            self._tell_owner(job)
            return False
        with claim:
            if job.is_done():  # between the question above and the claim
                return self._is_done(job)
            if not job.quiet:
                self._note(job, "training")
            try:
                job.work(claim)
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
        """Say once who is at it."""
        owner = owner_of(job.claim)
        if owner is not None and job.claim not in self._told:
            self._told.add(job.claim)
            self._note(job, f"left to process {owner.pid} on {owner.host}, which is at it")

    def _note(self, job: Job, words: str) -> None:
        self.reporter.note(f"{job.title}, {words}.")
