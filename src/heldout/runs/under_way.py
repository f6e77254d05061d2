"""The planned runs of a study as they stand now, whoever works on them: finished, in training, waiting.

A run in training writes a checkpoint after every epoch, in a hidden folder beside where it will stand. Only its header
is read here, which needs no torch; so runs of other machines, which write into the same folder, are seen too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from heldout.claims import claim_of, owner_of
from heldout.runs.earlier import read_study_record
from heldout.runs.sitting import CHECKPOINT, is_complete
from heldout.runs.study_checks import check_is_study, read_plans

LONGEST_HEADER = 100_000_000
"""Bytes of a header that the format of safetensors allows (its library's own limit)."""


class RunState(StrEnum):
    """How far a planned run is."""

    FINISHED = "finished"
    TRAINING = "in training"
    CUT_OFF = "cut off"
    """It began, and nobody works on it now; the same `heldout run` goes on from its last epoch."""
    WAITING = "waiting"


@dataclass(frozen=True)
class RunNow:
    """A planned run as it stands now.

    Attributes:
        run: Its id.
        state: How far it is.
        host: The machine that trains it; empty where none does.
        epochs: Epochs that are done, as far as a checkpoint tells.
        val: Validation accuracy after each of them, fractions.
    """

    run: str
    state: RunState
    host: str = ""
    epochs: int = 0
    val: tuple[float, ...] = ()


def runs_now(folder: Path) -> tuple[RunNow, ...]:
    """All planned runs, in the order of the plan.

    Raises:
        InputError: The folder is no study.
    """
    check_is_study(folder)
    record, earlier = read_study_record(folder)
    return tuple(run_now(folder, run) for run in read_plans(folder, record, earlier, []).runs)


def run_now(folder: Path, run: str) -> RunNow:
    """One run as it stands now."""
    place = folder / "runs" / run
    if is_complete(place):
        return RunNow(run, RunState.FINISHED)
    owner = owner_of(claim_of(place))
    held = owner is not None and not owner.is_dead
    val = max((course_of(partial / CHECKPOINT) for partial in partials(place)), key=len, default=())
    begun = any(True for _ in partials(place))
    state = RunState.TRAINING if held else RunState.CUT_OFF if begun else RunState.WAITING
    return RunNow(run, state, owner.host if held and owner is not None else "", len(val), val)


def partials(place: Path) -> Iterator[Path]:
    """The hidden folders in which a run is worked on."""
    return place.parent.glob(f".{place.name}.*partial")


def course_of(checkpoint: Path) -> tuple[float, ...]:
    """Validation accuracy of each epoch in a checkpoint, fractions; empty where there is none to be read.

    A file of safetensors begins with the length of its header (8 bytes, little-endian) and the header, which is JSON.
    """
    try:
        with checkpoint.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > LONGEST_HEADER:
                return ()
            header: dict[str, Any] = json.loads(file.read(length))
        rows = json.loads(header["__metadata__"]["course"])["history"]
        return tuple(float(row["val_accuracy"]) for row in rows)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # not there yet, replaced at this moment, torn
        return ()
