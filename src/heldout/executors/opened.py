"""An executor as a person names it: `local`, `ray`, `ray:ADDRESS`, `slurm:partition=gpu`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from heldout.executors._across import across_machines
from heldout.executors._shelf import executors
from heldout.executors.backend import Resources
from heldout.remote.urls import STUDIES, url_of
from heldout.runs.share import Executor


def opened(
    on: str, study: Path, cpus: int | None = None, gpus: float | None = None
) -> AbstractContextManager[Executor]:
    """The executor of that name, in a `with` block; of a study at a URL one that shares it with other machines.

    Args:
        on: Name of an executor; after a colon what it is told.
        study: The study's folder.
        cpus: Cores of a run; None for one.
        gpus: GPUs of a run; None for none.

    Raises:
        UsageError: An unknown name, or what it cannot be told.
        HeldoutError: Its library is not installed.
    """
    name, _, address = on.partition(":")
    resources = Resources(1 if cpus is None else cpus, 0.0 if gpus is None else gpus)
    chosen = executors.get(name).open(address, resources, study)
    return chosen if url_of(study, STUDIES) is None else across_machines(chosen, study)
