"""Answers as DICOM: one structured report for each DICOM image, which references it, for an archive or a viewer.

A report is a Comprehensive SR whose content follows TID 1500, Measurement Report (DICOM PS3.16): in one group of
measurements of the whole image the algorithm (TID 4019), what was answered, and the probability of each class as a
number. Nobody has verified it, and it says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heldout._version import __version__
from heldout.errors import Problem
from heldout.files import hash_of, whole
from heldout.optional import require
from heldout.records.labelling import LABELLINGS, LabellingName
from heldout.shown import shown

EXTRA = "dicom-sr"

SCHEME = "99HELDOUT"
"""Coding scheme of names that only this model's makers know; private ones begin with 99 (PS3.16, 8)."""

MEANING = 64
"""Characters that a code's meaning has at most (LO, PS3.5, 6.2)."""

SERIES = 1000
"""Number of the series of reports: one that scanners do not reach."""

NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality")
"""What a report needs of the image that it references; every image has it (type 1 in PS3.3)."""

UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")

UID = re.compile("[0-9.]{1,64}")
"""What a UID is made of (PS3.5, 9). One names the file of a report: anything else could lead out of its folder."""

MAY_BE_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
)
"""Attributes of patient and study that every file has, though maybe empty (type 2 in PS3.3); exports leave some out."""

REMEDY = "Reports are written of DICOM images; for other files use --csv."

ANSWER, NO_ANSWER = "Answer of the model", "No answer"

UTF8 = "ISO_IR 192"


@dataclass(frozen=True)
class Algorithm:
    """What answered.

    Attributes:
        run: Id of the run.
        model: Full name of its weights.
        classes: Names, in the order of the probabilities.
        run_sha256: Of its `run.json`, which vouches for all its files.
        calibrated: Whether the probabilities are calibrated.
    """

    run: str
    model: str
    classes: tuple[str, ...]
    run_sha256: str
    calibrated: bool


@dataclass
class ReportWriter:
    """Writes reports into a folder, those of one study in one series.

    Args:
        folder: Where.
        algorithm: What answered.

    Attributes:
        written: Number of reports.

    Raises:
        HeldoutError: highdicom is not installed.
    """

    folder: Path
    algorithm: Algorithm
    written: int = 0
    _series: dict[str, str] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        require("highdicom", EXTRA)

    def write(self, image: Path, findings: Sequence[str], probabilities: NDArray[np.float64]) -> Problem | None:
        """Write the report on one image, `<SOP Instance UID of the image>.dcm`.

        Args:
            image: The file.
            findings: What was answered: a class, several, or none.
            probabilities: (k,) in the order of the algorithm's classes.

        Returns:
            Why there is no report: the file is no DICOM image, or one of the same UID was reported before.
        """
        header = header_of(image)
        if isinstance(header, Problem):
            return header
        uid = str(header.SOPInstanceUID)
        if uid in self._seen:
            found = f"a second image of the SOP Instance UID {uid}"
            return Problem(str(image), found, "an image of its own", "Leave the copy out; it has a report already.")
        self._seen.add(uid)
        try:
            report = self._report(header, findings, probabilities)
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # of values that a header may not have
            return Problem(str(image), f"a header of which no report can be made ({error})", "a DICOM image", REMEDY)
        with whole(self.folder / f"{uid}.dcm") as temporary:
            report.save_as(temporary)
        self.written += 1
        return None

    def _report(self, header: Any, findings: Sequence[str], probabilities: NDArray[np.float64]) -> Any:
        hd, sr = require("highdicom", EXTRA), require("highdicom.sr", EXTRA)
        study = str(header.StudyInstanceUID)
        series = self._series.setdefault(study, str(hd.UID()))
        return sr.ComprehensiveSR(
            evidence=[header],
            content=content(header, self.algorithm, findings, probabilities),
            series_instance_uid=series,
            series_number=SERIES,
            sop_instance_uid=str(hd.UID()),
            instance_number=self.written + 1,
            manufacturer="heldout",
            is_complete=True,
            is_final=False,
            is_verified=False,
        )


def header_of(image: Path) -> Any | Problem:
    """The header of a DICOM image as a report takes it, in UTF-8; or why there is none."""
    import pydicom

    try:
        header: Any = pydicom.dcmread(image, stop_before_pixels=True, force=True)
        header.decode()
        missing = [name for name in NEEDED if not header.get(name)]
    except Exception as error:  # what pydicom raises of a file that is none is any error
        return Problem(str(image), f"{type(error).__name__}: {error}", "a DICOM image", REMEDY)
    if missing:
        return Problem(str(image), f"no {', '.join(missing)}", "a DICOM image", REMEDY)
    for name in UIDS:
        if not UID.fullmatch(value := str(header.get(name))):
            return Problem(str(image), f"{name} '{shown(value)[:MEANING]}'", "at most 64 digits and dots", REMEDY)
    header.SpecificCharacterSet = UTF8
    for name in MAY_BE_EMPTY:
        if name not in header:
            setattr(header, name, "")
    return header


def content(header: Any, algorithm: Algorithm, findings: Sequence[str], probabilities: NDArray[np.float64]) -> Any:
    """TID 1500 on one image."""
    hd, sr = require("highdicom", EXTRA), require("highdicom.sr", EXTRA)
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    identification = sr.AlgorithmIdentification(
        name=f"{algorithm.run} ({algorithm.model})",
        version=f"heldout {__version__}",
        parameters=[
            f"SHA-256 of run.json: {algorithm.run_sha256}",
            f"probabilities: {'calibrated' if algorithm.calibrated else 'not calibrated'}",
        ],
    )
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=generate_uid(entropy_srcs=["heldout", algorithm.run_sha256]), name=f"heldout {__version__}"
    )
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=hd.UID(), identifier="whole image"),
        algorithm_id=identification,
        source_images=[sr.SourceImageForMeasurementGroup.from_source_image(header)],
        measurements=[
            sr.Measurement(name=code(f"Probability of {name}"), value=float(value), unit=codes.UCUM.NoUnits)
            for name, value in zip(algorithm.classes, probabilities, strict=True)
        ],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(name=code(ANSWER), value=code(name)) for name in findings or (NO_ANSWER,)
        ],
    )
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_device_context=sr.ObserverContext(
                observer_type=codes.DCM.Device, observer_identifying_attributes=device
            )
        ),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=[group],
    )


def code(name: str) -> Any:
    """A name as a code of ours: equal names have equal codes, whatever model they are of."""
    sr = require("highdicom.sr", EXTRA)
    return sr.CodedConcept(value=hash_of(name, 12), scheme_designator=SCHEME, meaning=shown(name)[:MEANING])


def findings_of(
    predicted: Sequence[str], answers: Sequence[tuple[str, ...]], labels: LabellingName
) -> Sequence[tuple[str, ...]]:
    """What is reported of each image: its answer where it was asked when to answer, else what was predicted.

    Args:
        predicted: (n,) class, or labels with | between.
        answers: (n,) or empty.
        labels: Whether an image is of one class or has several labels.

    Returns:
        (n,) names; none where nothing is answered.
    """
    return answers or [LABELLINGS[labels].names_in(one) for one in predicted]
