"""TensorBoard: one folder of event files a run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heldout.errors import HeldoutError
from heldout.files import temporary_of, write_text
from heldout.optional import require
from heldout.system_errors import told
from heldout.trackers.tracker import Sent, TrackedRun, TrackedStudy

EXTRA = "tensorboard"

FOLDER = "tensorboard"
"""Where event files go in the study's folder if no place was named."""

MARK = "heldout-run.txt"
"""File beside a run's events: the hash of the run that they are of. It tells our folders from a person's."""


class TensorBoard:
    """Curves by epoch, scores at the last epoch, settings in the tab of hyperparameters."""

    name = "tensorboard"
    what = "TensorBoard event files; a place is a folder, by default STUDY/tensorboard"

    def send(self, study: TrackedStudy, place: str) -> Sent:
        """Write the runs' folders, each whole or not at all.

        Raises:
            HeldoutError: TensorBoard is not installed, the place cannot be written, or holds other files under the name
                of a run.
        """
        require("tensorboard", EXTRA)
        folder = Path(place) if place else study.folder / FOLDER
        new, known = [], []
        for run in study.runs:
            there = folder / run.id
            if _hash_of(there) == run.hash:
                known.append(run.id)
                continue
            if there.exists() and not (there / MARK).is_file():
                raise HeldoutError(
                    f"Found {there}, which heldout did not write; expected no folder of that name. Name another place: "
                    f"tensorboard:FOLDER."
                )
            try:
                _write(run, there)
            except OSError as error:
                raise told(error) or error from error
            new.append(run.id)
        return Sent(self.name, str(folder), tuple(new), tuple(known), f"tensorboard --logdir {folder}")


TRACKER = TensorBoard()


def _hash_of(folder: Path) -> str:
    file = folder / MARK
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""


def _write(run: TrackedRun, folder: Path) -> None:
    """The run's folder, in place of an earlier one of the same run."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_of(folder)
    try:
        writer = require("tensorboard.summary.writer.event_file_writer", EXTRA).EventFileWriter(str(temporary))
        try:
            for event in _events(run):
                writer.add_event(event)
        finally:
            writer.close()
        write_text(temporary / MARK, f"{run.hash}\n")
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _events(run: TrackedRun) -> Iterator[Any]:
    """Curves at their epochs, scores at the last one, settings; none of it needs torch."""
    Event = require("tensorboard.compat.proto.event_pb2", EXTRA).Event
    Summary = require("tensorboard.compat.proto.summary_pb2", EXTRA).Summary
    settings = require("tensorboard.plugins.hparams.summary_v2", EXTRA)
    start, epochs = run.began.timestamp(), max((len(values) for values in run.curves.values()), default=0)
    step = run.seconds / max(1, epochs)

    def scalar(name: str, value: float, epoch: int) -> Any:
        summary = Summary(value=[Summary.Value(tag=name, simple_value=value)])
        return Event(wall_time=start + epoch * step, step=epoch, summary=summary)

    yield Event(wall_time=start, summary=settings.hparams_pb(dict(run.settings), start_time_secs=start))
    for name, values in run.curves.items():
        for n, value in enumerate(values, start=1):
            yield scalar(name, value, n)
    for name, value in run.scores.items():
        yield scalar(name, value, epochs)
