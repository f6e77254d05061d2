"""Which files of a study travel between a store and its working copies, and in which order."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TypeVar

from heldout.progress import Reporter
from heldout.remote.urls import are_names

T = TypeVar("T")

LEFT = ("features", "slurm")
"""Folders of a study that stay on their machine: features can be made again, logs are its own."""

UNFINISHED = ".incomplete-"
"""In the name of what was found damaged and moved aside (`records.run.INCOMPLETE`)."""

STUDY, RUN = "study.json", "run.json"

AT_ONCE = 8
"""Objects that are sent or fetched at once."""


def in_turns(names: Sequence[str], act: Callable[[str], T], reporter: Reporter) -> list[T]:
    """Do something with every name, those of one turn at once, those of the next when all before are done."""
    done: list[T] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for turn in sorted({turn_of(name) for name in names}):
            for result in pool.map(act, [name for name in names if turn_of(name) == turn]):
                done.append(result)
                reporter.step()
    return done


def travels(name: str) -> bool:
    """Whether a file of a study is sent and fetched: none that is hidden, half made, to be made again, or no path."""
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") or UNFINISHED in part for part in parts)
    return are_names(name.split("/")) and not hidden and not any(part in LEFT for part in parts[:-1])


def travelling(folder: Path) -> list[str]:
    """Names of the files below a folder that travel; what another process moves away meanwhile is not among them.

    Raises:
        OSError: A folder cannot be read.
    """
    found: list[str] = []
    for place, folders, files in os.walk(folder, onerror=_refused):
        below = PurePosixPath(Path(place).relative_to(folder).as_posix())
        folders[:] = [name for name in folders if travels(str(below / name / "file"))]
        names = [str(below / name) for name in files]
        found += [name for name in names if travels(name) and (folder / name).is_file()]
    return sorted(found)


def _refused(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def is_run(name: str) -> bool:
    """Whether it is the record of a run."""
    return PurePosixPath(name).name == RUN


def turn_of(name: str) -> int:
    """When it is sent or fetched: what tells two studies apart first, who vouches for others last."""
    if name == STUDY:
        return 1
    if name.startswith("plans/"):
        return 0
    return 4 if is_run(name) else 3 if name.endswith(".json") else 2
