"""A set that was multiplied before it was split, the whole way: leakage is told first, with the copies as the gap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heldout.diagnosis.diagnose import diagnose
from heldout.diagnosis.interventions import run_interventions
from heldout.runs.folder import read_study
from heldout.study import Study
from tests.data.readers.test_changed_copies import WAYS, save
from tests.images.test_copies import scene

ORIGINALS, NEW = 60, 100


def made(root: Path, val: bool) -> Path:
    """Classes that cannot be seen; train (and validation) hold each original six times, test new originals."""
    rng = np.random.default_rng(4)
    for original in range(ORIGINALS):
        for way in WAYS:
            part = "val" if val and rng.random() < 0.25 else "train"
            name = f"img_{rng.integers(10**8):08d}.png"
            save(way(scene(original, 64)), root / part / ("benign", "malignant")[original % 2] / name)
    for original in range(1000, 1000 + NEW):
        name = f"img_{rng.integers(10**8):08d}.png"
        save(scene(original, 64), root / "test" / ("benign", "malignant")[original % 2] / name)
    return root


@pytest.mark.slow
def test_copies_before_the_split_are_the_gap_and_by_picture_there_is_none(tmp_path: Path) -> None:
    data = made(tmp_path / "data", val=True)
    study = Study(data, ["efficientnet_lite0"], ("probe",), tmp_path / "study", image_size=64).run()
    files = read_study(study.folder)
    run_interventions(files, device="cpu", limit=20)
    (told,) = diagnose(files, bootstrap=300)
    first = told.findings[0]
    assert (first.code, first.verdict) == ("leakage", "established"), told.summary
    assert first.points is not None and first.points.low > 5
    assert first.points.value == pytest.approx(told.gap_points.value, abs=10)
    assert "leakage" in told.summary and "copies of training images" in first.sentence
    assert "Before all else: leakage" in told.summary
    assert all(item.priority < first.priority / 2 for item in told.findings[1:]), told.summary

    control = Study(
        made(tmp_path / "control", val=False),
        ["efficientnet_lite0"],
        ("probe",),
        tmp_path / "by-picture",
        image_size=64,
        patient="auto",
    ).run()
    (clean,) = diagnose(read_study(control.folder), bootstrap=300)
    leakage = next(item for item in clean.findings if item.code == "leakage")
    assert leakage.numbers["leaked"] == 0 and leakage.verdict in ("excluded", "not applicable")
    assert clean.gap_points.low <= 0 <= clean.gap_points.high
