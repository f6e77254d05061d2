"""Studies of earlier releases, kept as they were written: this one opens them, and tells the numbers that they told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from heldout.diagnosis.diagnose import diagnose
from heldout.report import build_report
from heldout.runs.compare import compare_study
from heldout.runs.folder import read_study

STUDIES = Path(__file__).parent.parent / "fixtures" / "studies"

TOLD = {
    "efficientnet_lite0-frozen-s0-5ec41e7b": (0.5, 0.5),
    "efficientnet_lite0-probe-s0-fa2164f7": (1.0, 0.875),
}
"""Run -> accuracy on validation and test, as the release that made it told."""


@pytest.mark.parametrize("kept", sorted(path.name for path in STUDIES.iterdir()))
def test_a_kept_study_is_opened(kept: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(STUDIES / kept, tmp_path / "study"))
    files = read_study(folder)
    assert not files.remarks and not files.missing
    rows = compare_study(files, bootstrap=100).runs
    found = {row.id: (row.val.accuracy.value, row.test.accuracy.value) for row in rows if row.test is not None}
    assert found == TOLD
    assert [row.test_evaluations for row in rows] == [1, 1]
    assert all(run.recipe.id == run.record.id for run in files.runs)  # an equal recipe has an equal id still
    assert len(diagnose(files, experiments=False, bootstrap=100)) == 2
    page = build_report(folder)
    assert "efficientnet_lite0" in page and 'class="fault"' not in page


def test_they_are_small() -> None:
    assert len(list(STUDIES.iterdir())) >= 2
    for folder in STUDIES.iterdir():
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 300_000
