"""Answers as DICOM structured reports: read back by highdicom, they say what was answered of which image."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest
from highdicom.sr import srread
from PIL import Image
from pydicom.uid import ComprehensiveSRStorage, generate_uid

from heldout import optional
from heldout.cli import ExitStatus
from heldout.records.calibration import RuleKind
from heldout.structured_reports import NO_ANSWER
from tests.cli.call import call
from tests.handing_over.made_folder import made_folder
from tests.images.decoders.making import dicom

LEVELS = (60, 100, 125, 170)


def scans(folder: Path, **elements: Any) -> dict[str, Path]:
    """SOP Instance UID -> its file, of images of two studies from dark to light."""
    folder.mkdir()
    found = {}
    for k, level in enumerate(LEVELS):
        told = {"SOPInstanceUID": generate_uid(), "StudyInstanceUID": f"1.2.3.{k % 2}", "SeriesInstanceUID": "1.2.4"}
        content = dicom(np.full((20, 30), level, np.uint8), **{**told, "Modality": "XC", **elements})
        (folder / f"{k}.dcm").write_bytes(content)
        found[str(told["SOPInstanceUID"])] = folder / f"{k}.dcm"
    return found


def told_by(report: Any) -> tuple[dict[str, float], list[str], str]:
    """Probabilities, answers, and the SOP Instance UID of the image that they are of."""
    (group,) = report.content.get_image_measurement_groups()
    numbers = {one.name.meaning: one.value for one in group.get_measurements()}
    answers = [one.value.meaning for one in group.get_qualitative_evaluations()]
    (source,) = group.source_images
    return numbers, answers, str(source.referenced_sop_instance_uid)


@pytest.mark.parametrize(
    ("rules", "several"),
    [(None, False), (None, True), ({"error": (0.7, 0.7, 0.7)}, False), ({"sets": (0.2, 0.2, 0.2)}, False)],
)
def test_each_image_has_a_report_with_its_answer_and_probabilities(
    rules: dict[RuleKind, tuple[float, ...] | None] | None, several: bool, tmp_path: Path
) -> None:
    classes = ("dark", "肺炎", "light")
    folder, images = made_folder(tmp_path / "out", rules, classes, several), scans(tmp_path / "scans")
    answer = call("predict", folder, tmp_path / "scans", "--csv", tmp_path / "a.csv", "--dicom-sr", tmp_path / "sr")
    assert answer.status == 0, answer.err
    table = pd.read_csv(tmp_path / "a.csv", keep_default_na=False).set_index("image")
    assert {file.name for file in (tmp_path / "sr").iterdir()} == {f"{uid}.dcm" for uid in images}
    seen = set()
    for uid, image in images.items():
        report = srread(tmp_path / "sr" / f"{uid}.dcm")
        numbers, answers, source = told_by(report)
        row = table.loc[str(image)]
        assert source == uid and numbers == {f"Probability of {name}": row[f"p({name})"] for name in classes}
        column = row["answer" if rules else "predicted"]
        assert answers == (column.split("|") if column else [NO_ANSWER])
        seen.add(column)
        assert report.SOPClassUID == ComprehensiveSRStorage and report.VerificationFlag == "UNVERIFIED"
        header = pydicom.dcmread(image)
        (evidence,) = report.CurrentRequestedProcedureEvidenceSequence
        assert report.StudyInstanceUID == evidence.StudyInstanceUID == header.StudyInstanceUID
    assert len(seen) > 1
    series = {(file.StudyInstanceUID, file.SeriesInstanceUID) for file in map(srread, (tmp_path / "sr").iterdir())}
    assert len(series) == 2  # one a study


def test_who_answered_stands_in_it(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "out", {"error": (0.7, 0.7, 0.7)})
    (uid, *_) = scans(tmp_path / "scans", PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 100", PatientID="7")
    assert call("predict", folder, tmp_path / "scans", "--dicom-sr", tmp_path / "sr").status == 0
    report = srread(tmp_path / "sr" / f"{uid}.dcm")
    assert str(report.PatientName) == "Müller^Jörg" and report.PatientID == "7"
    texts = {str(element.value) for element in report.iterall()}
    made_by = f"SHA-256 of run.json: {'0' * 64}"
    assert {"a-run (offline:efficientnet_lite0)", made_by, "probabilities: calibrated"} <= texts
    header = pydicom.dcmread(tmp_path / "scans" / "0.dcm")
    assert header.SpecificCharacterSet == "ISO_IR 100", "the image itself was changed"


def test_what_can_have_no_report_is_told_and_the_rest_is_written(tmp_path: Path) -> None:
    folder, images = made_folder(tmp_path / "out"), scans(tmp_path / "scans")
    Image.fromarray(np.full((20, 30), 90, np.uint8)).save(tmp_path / "scans" / "plain.png")
    (tmp_path / "scans" / "copy.dcm").write_bytes((tmp_path / "scans" / "0.dcm").read_bytes())
    (tmp_path / "scans" / "bare.dcm").write_bytes(dicom(np.full((20, 30), 90, np.uint8)))
    answer = call("predict", folder, tmp_path / "scans", "--csv", tmp_path / "a.csv", "--dicom-sr", tmp_path / "sr")
    assert answer.status == ExitStatus.ERROR and "3 problems" in answer.err
    for name, said in (("plain.png", "--csv"), ("bare.dcm", "Modality"), (".dcm", "a second image")):
        assert any(name in line and said in line for line in answer.err.splitlines()), answer.err
    assert len(list((tmp_path / "sr").iterdir())) == len(images)
    assert len(pd.read_csv(tmp_path / "a.csv")) == len(images) + 3  # answered all the same
    again = call("predict", folder, tmp_path / "scans", "--dicom-sr", tmp_path / "sr")
    assert again.status == ExitStatus.USAGE and "--overwrite" in again.err


@pytest.mark.filterwarnings("ignore:.* VR UI:UserWarning")  # pydicom does no more than warn of them
@pytest.mark.parametrize("uid", ["../../escaped", "/nowhere/escaped", "1.2/../../../escaped", "1." + "2" * 63])
def test_no_identifier_leads_a_report_out_of_its_folder(uid: str, tmp_path: Path) -> None:
    folder, good = made_folder(tmp_path / "out"), scans(tmp_path / "scans")
    header = pydicom.dcmread(tmp_path / "scans" / "0.dcm")
    header.add(pydicom.DataElement("SOPInstanceUID", "UI", uid, validation_mode=pydicom.config.IGNORE))
    with pydicom.config.disable_value_validation():
        header.save_as(tmp_path / "scans" / "bad.dcm")
    answer = call("predict", folder, tmp_path / "scans", "--csv", tmp_path / "a.csv", "--dicom-sr", tmp_path / "sr")
    assert answer.status == ExitStatus.ERROR and "bad.dcm" in answer.err and "SOPInstanceUID" in answer.err
    assert {file.name for file in (tmp_path / "sr").iterdir()} == {f"{uid}.dcm" for uid in good}
    assert not list(tmp_path.parent.rglob("*escaped*.dcm"))
    assert len(pd.read_csv(tmp_path / "a.csv")) == len(good) + 1


def test_without_highdicom_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made_folder(tmp_path / "out")
    scans(tmp_path / "scans")
    whole = optional.importlib.import_module

    def missing(name: str) -> Any:
        if name.startswith("highdicom"):
            raise ImportError(name)
        return whole(name)

    monkeypatch.setattr(optional.importlib, "import_module", missing)
    answer = call("predict", folder, tmp_path / "scans", "--dicom-sr", tmp_path / "sr")
    assert answer.status == ExitStatus.ERROR and "heldout[dicom-sr]" in answer.err


def test_predicting_without_reports_imports_no_highdicom() -> None:
    code = "import sys, heldout.cli.answers, heldout.structured_reports; sys.exit('highdicom' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
