"""An executor that does every work item in a copy of what it reads, as another machine would, one after another."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from heldout.errors import UsageError
from heldout.executors import Backend, Resources
from heldout.progress import Reporter
from heldout.runs.share import Executor, Job, Share
from heldout.work import WorkItem

R = TypeVar("R")


def copied(source: Path, place: Path) -> None:
    """Copy a file or a folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, place, dirs_exist_ok=True)
    elif source.is_file():
        shutil.copy2(source, place)


@dataclass
class Copies:
    """Has items done in copies; tells which it did."""

    done: list[str] = field(default_factory=list)

    def dispatch(self, item: WorkItem[Any, R], reporter: Reporter) -> R:
        """Do it in a new folder, with nothing but what it says that it reads."""
        self.done.append(item.title)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for read in item.reads(reporter):
                copied(item.study / read, folder / read)
            work, common, leaves = pickle.loads(pickle.dumps((item.work, item.common, item.leaves)))
            result: R = work(common, folder, reporter)
            item.arrived(result)
            for left in leaves(folder):
                copied(folder / left, item.study / left)
            return result

    def dispatch_all(self, items: Sequence[WorkItem[Any, R]], reporter: Reporter) -> list[R]:
        """One after another."""
        return [self.dispatch(item, reporter) for item in items]


@dataclass
class InCopies:
    """Jobs in turn, their items in copies."""

    dispatcher: Copies = field(default_factory=Copies)

    @property
    def is_here(self) -> bool:
        """As little as another machine is."""
        return False

    def run(self, jobs: Sequence[Job], reporter: Reporter) -> None:
        """Do them."""
        Share(jobs, reporter, self.dispatcher).run()


class AnotherFolder(Backend):
    """A copy of what is needed, in a temporary folder of this machine."""

    name = "another-folder"

    def open(self, address: str, resources: Resources, study: Path) -> AbstractContextManager[Executor]:
        """Nothing is to be opened."""
        if address or resources != Resources():
            raise UsageError(f"Found --on another-folder:{address}; expected --on another-folder.")
        return nullcontext(InCopies())


EXECUTOR = AnotherFolder()
