"""Jobs of a study at a URL: claimed in the store too, so that machines without a common file system share them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from heldout.claims import Claim
from heldout.progress import Reporter, Silent
from heldout.remote.claims import LOOK, StoreClaims
from heldout.remote.working_copy import WorkingCopy
from heldout.runs.share import Executor, Job
from heldout.work import Dispatcher


@contextmanager
def across_machines(chosen: AbstractContextManager[Executor], study: Path) -> Iterator[Executor]:
    """An executor whose jobs are those of all machines that work on the study.

    Args:
        chosen: The executor that does them.
        study: The working copy's folder.
    """
    copy = WorkingCopy.of(study)
    assert copy is not None
    with chosen as executor:
        yield AcrossMachines(executor, Shared(copy))


@dataclass
class Shared:
    """A working copy that several jobs bring up to date.

    Attributes:
        copy: The working copy.
    """

    copy: WorkingCopy
    _looked: float = field(default=float("-inf"))

    def __post_init__(self) -> None:
        self.claims = StoreClaims(self.copy.store)

    def look(self, now: bool = False) -> None:
        """Fetch what other machines made, if the last look is some seconds ago, or now."""
        if now or time.monotonic() - self._looked > LOOK:
            self.copy.pull(Silent())
            self._looked = time.monotonic()


@dataclass(frozen=True)
class AcrossMachines:
    """Does jobs where another executor does them, one machine at a time at each.

    Attributes:
        executor: The other one.
        shared: The study.
    """

    executor: Executor
    shared: Shared

    @property
    def is_here(self) -> bool:
        """Whether this process computes."""
        return self.executor.is_here

    def run(self, jobs: Sequence[Job], reporter: Reporter) -> None:
        """Return when every job is done, and what was made here is sent.

        Raises:
            HeldoutError: A job failed; the store cannot be reached, or refuses.
        """
        self.shared.copy.push(reporter)  # whoever begins another study here meanwhile is refused
        self.executor.run([SharedJob(job, self.shared) for job in jobs], reporter)
        self.shared.copy.push(reporter)


@dataclass(frozen=True)
class SharedJob(Job):
    """A job that other machines may do.

    Attributes:
        job: The job, in the working copy.
        shared: The study.
    """

    job: Job
    shared: Shared

    @property
    def title(self) -> str:  # type: ignore[override]
        """Of the job."""
        return self.job.title

    @property
    def quiet(self) -> bool:  # type: ignore[override]
        """Of the job."""
        return self.job.quiet

    @property
    def steps(self) -> int:  # type: ignore[override]
        """Of the job."""
        return self.job.steps

    @property
    def claim(self) -> Path:
        """By which processes of this machine claim it."""
        return self.job.claim

    def is_done(self) -> bool:
        """Whether it is done, on whichever machine."""
        if self.job.is_done():
            return True
        self.shared.look()
        return self.job.is_done()

    @property
    def _name(self) -> str:
        """Of its claim in the store."""
        return self.job.claim.relative_to(self.shared.copy.folder).as_posix()

    def is_left(self) -> bool:
        """Whether another machine held its claim some seconds ago."""
        return self.shared.claims.is_left(self._name)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold its claim in the store; what other machines made until then is here."""
        with self.shared.claims.held(self._name, self.title):
            self.shared.look(now=True)
            yield

    def work(self, claim: Claim, reporter: Reporter, dispatcher: Dispatcher) -> None:
        """Do it, and send what it left."""
        self.job.work(claim, reporter, dispatcher)
        self.shared.copy.push(reporter)

    def steps_done(self) -> int:
        """Of the job."""
        return self.job.steps_done()
