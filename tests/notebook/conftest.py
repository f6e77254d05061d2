from __future__ import annotations

from pathlib import Path

import pytest

from heldout.records import Comparison, Diagnoses
from heldout.runs.compare import compare
from heldout.study import Study
from tests.report.made_diagnosis import diagnose_study
from tests.report.studies import EVIL, EVIL_CLASSES
from tests.worlds.made_study import RUNS, make_study


def study_in(folder: Path) -> Study:
    """The façade over a study that was made without it."""
    return Study("made up", ["efficientnet_lite0"], ["finetune", "frozen"], out=folder)


@pytest.fixture(scope="package")
def told_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of two classes, diagnosed, with pixels."""
    return make_study(tmp_path_factory.mktemp("shown") / "study", runs=RUNS[:3])


@pytest.fixture(scope="package")
def told(told_folder: Path) -> Diagnoses:
    return Diagnoses(diagnose_study(told_folder))


@pytest.fixture(scope="package")
def comparison(told_folder: Path) -> Comparison:
    return compare(told_folder)


@pytest.fixture(scope="package")
def evil_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Classes and sentences that try to break out."""
    folder = tmp_path_factory.mktemp("shown") / "evil"
    make_study(folder, runs=RUNS[:2], classes=EVIL_CLASSES, n_train=50, n_val=50, n_test=50)
    diagnose_study(folder, evil=EVIL)
    return folder
