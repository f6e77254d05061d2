"""The report by another metric or unit: named everywhere, and never with a diagnosis of another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from heldout.diagnosis.diagnose import diagnose
from heldout.records import Metric, Unit
from heldout.report import Wanted, build_report
from heldout.report.material import gather
from heldout.runs.folder import read_study
from tests.worlds.made_study import RUNS, make_study

BALANCED = Metric("balanced-accuracy")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return make_study(tmp_path / "study", runs=RUNS[:2])


def test_it_takes_the_metric_and_unit_that_all_diagnoses_share(study: Path) -> None:
    assert gather(study).metric == Metric()
    files = read_study(study)
    diagnose(files, bootstrap=100, experiments=False, metric=BALANCED, unit=Unit("patient", "max"))
    material = gather(study)
    assert material.metric == BALANCED and material.unit == Unit("patient", "max")
    assert len(material.diagnosed) == 2
    page = build_report(study)
    for words in ("test balanced accuracy is", "largest probability that any of their images has", "Further scores"):
        assert words in page
    assert "balanced accuracy, %" in page
    diagnose(files, files.runs[:1], bootstrap=100, experiments=False)
    mixed = gather(study)
    assert mixed.metric == Metric() and len(mixed.diagnosed) == 1


def test_a_diagnosis_by_another_metric_or_unit_is_not_shown_as_this_one(study: Path) -> None:
    diagnose(read_study(study), bootstrap=100, experiments=False)
    for wanted, again in (
        (Wanted("balanced-accuracy"), "heldout diagnose STUDY --metric balanced-accuracy"),
        (Wanted(unit="patient", by="majority"), "--unit patient --by majority"),
    ):
        material = gather(study, wanted)
        assert not material.diagnosed
        assert all(again in said for said in material.diagnoses.values() if isinstance(said, str))
        assert again in build_report(study, wanted).replace("&#39;", "'")
    assert len(gather(study, Wanted("accuracy", "image")).diagnosed) == 2


def test_the_baseline_and_the_further_scores_stand_in_tables(study: Path) -> None:
    page = build_report(study)
    assert "always &#39;normal&#39;, the commonest class" in page
    assert "Matthews&#39; correlation" in page and "Quadratic-weighted kappa: agreement" in page
