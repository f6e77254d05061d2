"""What stands on the shelf of executors: it opens a place where the jobs of studies are done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from heldout.errors import UsageError
from heldout.runs.share import Executor


@dataclass(frozen=True)
class Resources:
    """What a run is given, where a scheduler hands it out.

    Attributes:
        cpus: Processor cores, which is also its number of threads.
        gpus: GPUs; a half lets two runs share one.

    Raises:
        UsageError: No core, or fewer GPUs than none.
    """

    cpus: int = 1
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.cpus < 1 or not self.gpus >= 0:
            raise UsageError(
                f"Found {self.cpus} cores and {self.gpus:g} GPUs a run; expected at least 1 core and no fewer GPUs "
                f"than 0 (--cpus-per-run, --gpus-per-run)."
            )


class Backend(ABC):
    """One way to compute a study. A subclass, in a file of its own, is bound to `EXECUTOR` as an instance.

    The class docstring says where it computes and what that asks for.

    Attributes:
        name: What `--on` calls it.
    """

    name: ClassVar[str]

    @abstractmethod
    def open(self, address: str, resources: Resources, study: Path) -> AbstractContextManager[Executor]:
        """The executor; nothing is started before it is given a job that is left to do.

        Args:
            address: What stood after the colon in `--on NAME:ADDRESS`; empty without one.
            resources: Of every run.
            study: The study's folder.

        Raises:
            UsageError: The address or the resources make no sense to it.
            HeldoutError: Its library is not installed; names the extra.
        """
