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
from heldout.trackers._places import path_of
from heldout.trackers.tracker import Sent, TrackedRun, TrackedStudy

EXTRA = "tensorboard"

FOLDER = "tensorboard"
"""Where event files go in the study's folder if no place was named."""

MARK = "heldout-run.txt"
"""File beside a run's events: the hash of the run that they are of, then the id of its study, which 0.2.0 did not
write. It tells our folders from a person's, and a study's from another one's."""


class TensorBoard:
    """Curves by epoch, scores at the last epoch, settings in the tab of hyperparameters."""

    name = "tensorboard"
    what = "TensorBoard event files; a place is a folder, by default STUDY/tensorboard"

    def send(self, study: TrackedStudy, place: str) -> Sent:
        """Write the runs' folders, each whole or not at all.

        Raises:
            HeldoutError: TensorBoard is not installed, the place cannot be written, or holds what is not this study's
                under the name of a run; all of that, before anything is written.
            UsageError: The place is a URL.
        """
        require("tensorboard", EXTRA)
        folder = path_of(place, study.folder / FOLDER, self.name, "a folder")
        known = tuple(run.id for run in study.runs if _marks(folder / run.id)[0] == run.hash)
        new = [run for run in study.runs if run.id not in known]
        own = folder.resolve().is_relative_to(study.folder.resolve())  # what 0.2.0 wrote there is the study's
        owners = (study.id, "") if own else (study.id,)
        strangers = [folder / run.id for run in new if not _is_ours(folder / run.id, owners)]
        if strangers:
            raise HeldoutError(
                f"Found {', '.join(map(str, strangers))}, which this study did not write (of what heldout 0.2.0 wrote "
                f"nobody knows the study); expected no folders of these names. Name another place: tensorboard:FOLDER."
            )
        for run in new:
            try:
                _write(run, study.id, folder / run.id)
            except OSError as error:
                raise told(error) or error from error
        return Sent(self.name, str(folder), tuple(run.id for run in new), known, f"tensorboard --logdir {folder}")


TRACKER = TensorBoard()


def _marks(folder: Path) -> tuple[str, str]:
    """Hash of the run that was written there, and id of its study; empty where unknown."""
    file = folder / MARK
    words = file.read_text(encoding="utf-8").split() if file.is_file() else []
    return (*words, "", "")[0], (*words, "", "")[1]


def _is_ours(folder: Path, owners: tuple[str, ...]) -> bool:
    """Whether nothing is there, or what one of these studies wrote."""
    return not folder.exists() or ((folder / MARK).is_file() and _marks(folder)[1] in owners)


def _write(run: TrackedRun, study: str, folder: Path) -> None:
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
        write_text(temporary / MARK, f"{run.hash}\n{study}\n")
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
