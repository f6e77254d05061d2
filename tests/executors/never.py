"""A job that nobody comes to do: of what is told before any is begun."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from heldout.claims import Claim
from heldout.progress import Reporter
from heldout.runs.share import Job
from heldout.work import Dispatcher


@dataclass
class Never(Job):
    """It is never done, and must not be begun."""

    place: Path
    title: str = "The run"

    @property
    def claim(self) -> Path:
        return self.place

    def is_done(self) -> bool:
        return False

    def work(self, claim: Claim, reporter: Reporter, dispatcher: Dispatcher) -> None:
        raise AssertionError
