"""`--on local`: this process, one run after another."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from heldout.errors import UsageError
from heldout.executors.backend import Backend, Resources
from heldout.runs.share import IN_TURN, Executor


class Local(Backend):
    """This machine, in this process, one run after another; several processes may share a study."""

    name = "local"

    def open(self, address: str, resources: Resources, study: Path) -> AbstractContextManager[Executor]:
        """Nothing is to be opened."""
        if address:
            raise UsageError(f"Found --on local:{address}; expected --on local.")
        if resources != Resources():
            raise UsageError(
                "Found --cpus-per-run or --gpus-per-run with --on local; expected an executor that hands them out, as "
                "--on ray. Locally, OMP_NUM_THREADS=N sets the number of threads, and CUDA_VISIBLE_DEVICES the GPUs."
            )
        return nullcontext(IN_TURN)


EXECUTOR = Local()
