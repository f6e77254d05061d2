"""A folder that was handed over put to use: as its run answers, with the promises and warnings of its calibration."""

from __future__ import annotations

from pathlib import Path

from heldout.computing import Device
from heldout.exporting.reading import ExportedClassifier
from heldout.handing_over.names import MODEL
from heldout.handing_over.sums import check_sums
from heldout.records.calibration import CALIBRATION, Calibration
from heldout.records.codec import read_record
from heldout.runs.calibrated import with_known_images


def is_handed_over(place: Path) -> bool:
    """Whether a place is a folder that `heldout handover` wrote; a run may have a model of that name in it, too."""
    return (place / MODEL).is_file() and not (place / "run.json").exists()


def handed_over(folder: Path, device: Device = "auto") -> ExportedClassifier:
    """The model of a folder, with what its run was calibrated to.

    Raises:
        InputError: Files were changed or are gone; all of them at once.
        UsageError: Another device than the CPU.
        HeldoutError: onnxruntime is not installed.
    """
    check_sums(folder)
    calibration = None
    if (folder / CALIBRATION).is_file():
        calibration = with_known_images(read_record(Calibration, folder / CALIBRATION), folder)
    return ExportedClassifier(folder / MODEL, device, calibration)
