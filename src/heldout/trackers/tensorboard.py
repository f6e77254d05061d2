"""TensorBoard: one folder of event files a run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from heldout.errors import HeldoutError
from heldout.files import temporary_of, write_text
from heldout.optional import require
from heldout.system_errors import told
from heldout.trackers.tracker import Sent, TrackedRun, TrackedStudy

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
        require("tensorboard", "tensorboard")
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
                    f"--track tensorboard:FOLDER."
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
    from torch.utils.tensorboard import SummaryWriter
    from torch.utils.tensorboard.summary import hparams

    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_of(folder)
    try:
        writer = SummaryWriter(str(temporary))
        try:
            start, epochs = run.began.timestamp(), max((len(values) for values in run.curves.values()), default=0)
            step = run.seconds / max(1, epochs)
            for name, values in run.curves.items():
                for n, value in enumerate(values, start=1):
                    writer.add_scalar(name, value, n, walltime=start + n * step)
            for name, value in run.scores.items():
                writer.add_scalar(name, value, epochs, walltime=start + run.seconds)
            # As SummaryWriter.add_hparams does it, but in the run's own folder and not in one below it.
            events: Any = writer.file_writer  # declared to be None
            for summary in hparams(dict(run.settings), dict(run.scores)):
                events.add_summary(summary)
        finally:
            writer.close()
        write_text(temporary / MARK, f"{run.hash}\n")
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
