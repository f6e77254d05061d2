"""How many networks may have been compared on the images that test a promise: when it was tested, and by now."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from heldout.errors import InputError
from heldout.records.calibration import Calibration
from heldout.runs.folder import StudyFiles, read_study


def candidates_of(study: StudyFiles, part: Literal["val", "test"] = "val") -> int:
    """Networks that may have been compared on a part: on validation every epoch and strength of every run.

    Whichever of them a person keeps, a promise whose level was divided by their number holds (Bonferroni), since their
    number was fixed before. That of a search is not, which `check_rates` refuses.
    """
    if part == "test":
        return len(study.runs)
    total = 0
    for run in study.runs:
        learning = run.record.learning
        epochs = (run.record.epochs or 1) if "epoch" in learning.chosen else 1
        total += epochs * max(len(learning.tried), 1)
    return max(total, 1)


def candidates_now(run: Path, record: Calibration) -> int | None:
    """The same of the study that a run stands in, by now.

    Args:
        run: The run's folder.
        record: What it was calibrated to.

    Returns:
        None where it stands in no study that can be read.
    """
    folder = run.resolve()
    if len(folder.parts) < 3:
        return None
    try:
        return candidates_of(read_study(folder.parents[1]), record.part)
    except InputError:
        return None
