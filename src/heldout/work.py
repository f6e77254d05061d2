"""A piece of work in plain data, which any process can do that has its files, and who does it: here by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from heldout.progress import Reporter

C = TypeVar("C")
R = TypeVar("R")


def nothing(_: object) -> tuple[str, ...]:
    """No files: neither read nor left."""
    return ()


def unheard(_: object) -> None:
    """Nothing is done with a result on its arrival."""


def left_in(where: str, study: Path) -> tuple[str, ...]:
    """One folder, relative to the study's: what an item leaves."""
    return (where,)


@dataclass(frozen=True)
class WorkItem(Generic[C, R]):
    """A piece of work on a study: a run to be trained, a trial of a search, an intervention.

    `work` and `common` are sent to other processes, and hold nothing that belongs to this one.

    Attributes:
        title: What it is, for people.
        study: The study's folder.
        common: What many items share, such as cohort and split: it is sent once.
        work: (common, the study's folder where it is done, reporter) -> the result; a function of a module, or a
            `functools.partial` of one. Nothing is read or written but what is under that folder.
        reads: Names what it reads: files and folders, relative to the study's folder. Asked only where they have to
            travel, in the process that has the study; may make what is not there yet.
        leaves: Names the files and folders that it left, likewise; asked where it was done, with the folder there. Like
            `work`, it is sent.
        arrived: What the process that has the study does with a result that travelled, once it is there and before the
            files that were left are: what has been counted stays counted, whatever becomes of those files.
        kept: Folders of the study whose content bears its key in its name, so that items share what one of them made.
    """

    title: str
    study: Path
    common: C
    work: Callable[[C, Path, Reporter], R]
    reads: Callable[[Reporter], Sequence[str]] = nothing
    leaves: Callable[[Path], Sequence[str]] = nothing
    arrived: Callable[[R], None] = unheard
    kept: tuple[str, ...] = ("images", "features", "quality")

    def here(self, reporter: Reporter) -> R:
        """Do it in this process, in the study's own folder."""
        return self.work(self.common, self.study, reporter)


class Dispatcher(Protocol):
    """Has items of work done; when a call returns, what an item leaves is in the study's folder."""

    def dispatch(self, item: WorkItem[Any, R], reporter: Reporter) -> R:
        """Have one done, and wait for its result."""

    def dispatch_all(self, items: Sequence[WorkItem[Any, R]], reporter: Reporter) -> list[R]:
        """Have several done that do not need each other, at once where that can be; their results in order."""


class Here:
    """Does every item in this process, one after another."""

    def dispatch(self, item: WorkItem[Any, R], reporter: Reporter) -> R:
        """Do it."""
        return item.here(reporter)

    def dispatch_all(self, items: Sequence[WorkItem[Any, R]], reporter: Reporter) -> list[R]:
        """Do them in order."""
        return [item.here(reporter) for item in items]


HERE = Here()
