from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from heldout.records import Diagnosis, Estimate
from heldout.records.codec import read_record, write_record
from heldout.records.comparison import Choosing, FoldPair
from heldout.records.selection import Behind, Candidate, Dropped, Ensemble, Selection
from heldout.report.material import Material, gather
from heldout.report.page import render
from heldout.runs.calibrate import calibrate
from heldout.runs.folder import read_study
from heldout.runs.stress_report import judge_stress
from heldout.runs.stressed import Asked
from tests.report.made_diagnosis import diagnose_study, with_groups
from tests.report.pages import composed
from tests.report.studies import make_evil
from tests.worlds.made_stress import make_stress
from tests.worlds.made_study import RUNS, make_study


@pytest.fixture(scope="session")
def four(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Two models, fine-tuned and frozen, one seed, two classes."""
    return gather(make_study(tmp_path_factory.mktemp("four") / "study"))


@pytest.fixture(scope="session")
def four_page(four: Material) -> str:
    return render(composed(four))


def a_search(material: Material) -> Selection:
    """Three recipes of two models, of which one was left behind."""
    first, second = dict.fromkeys(row.model for row in material.runs)
    one = Candidate(first, "probe", {"class_weights": "none"}, {}, 0, 0.9, 0.3, 4.0)
    other = replace(one, backbone=second, val_accuracy=0.7)
    deeper = replace(one, strategy="last-block", differs={"augment": "all"}, rung=1, val_accuracy=0.91)
    behind = (Behind(0, 1.0, -0.5, 2.5, 0.3), Behind(1, 21.0, 12.0, 30.0, 0.0), Behind(2, 0.0, 0.0, 0.0, 0.7))
    return Selection(
        models=(first, second),
        minutes=30,
        seed=0,
        candidates=(one, other, deeper),
        dropped=(Dropped(second, 0, 20.0, 11.0),),
        chosen=2,
        behind=behind,
        ended="ladder",
        ensemble=Ensemble((0, 2), 0.92, 1.0, -0.2, 2.2),
    )


def as_crossed(four: Material) -> Material:
    """The study as if it had been cross-validated and a recipe chosen; of its runs only what sections read changes."""
    a, b = four.runs[0], four.runs[1]
    points = Estimate(-2.0, -5.0, 1.0, 80, "corrected resampled t, 6 folds")
    pair = FoldPair(a.model, a.strategy, b.model, b.strategy, 3, 2, points, 0.04, 0.08, "not distinguishable")
    choice = Choosing(0, (a.id, a.id, b.id), Estimate(0.8, 0.7, 0.9, 80, "Wilson"))
    rows = tuple(replace(row, train=None, folds=3) for row in four.runs)
    comparison = replace(
        four.comparison, runs=rows, fold_pairs=(pair,), choosing=(choice,), selections=(a_search(four),)
    )
    split = replace(four.split, train=(), val=(*four.split.train, *four.split.val), folds=3)
    runs = tuple(replace(run, record=replace(run.record, kept_epoch=None)) for run in four.files.runs)
    return replace(four, comparison=comparison, files=replace(four.files, split=split, runs=runs))


@pytest.fixture(scope="session")
def crossed(four: Material) -> Material:
    return as_crossed(four)


def make_stressed(folder: Path) -> Path:
    """Two runs, scored on changed validation images."""
    study = make_study(folder, runs=RUNS[:2], n_train=60, n_test=0)
    asked = Asked(sites=8)
    make_stress(study, asked, lambda run, stress, variant: 0 if run or stress == "clean" else 30)
    judge_stress(read_study(study), asked, bootstrap=200)
    return study


@pytest.fixture(scope="session")
def stressed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_stressed(tmp_path_factory.mktemp("made") / "study")


def make_calibrated(folder: Path) -> Material:
    """Two runs, one of which answers only where a promise holds; the other one was asked twice and gives sets."""
    study = make_study(folder, runs=RUNS[1:3], n_train=40, n_val=400, n_test=300, epochs=3)
    first, second = (run.folder for run in read_study(study).runs)
    calibrate(first, "error:0.15", confidence=0.9)
    calibrate(second, "ppv:0.99,npv:0.6")
    calibrate(second, "class-sets:0.6")
    return gather(study)


@pytest.fixture(scope="session")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_calibrated(tmp_path_factory.mktemp("calibrated") / "study")


def make_told(folder: Path) -> Material:
    """Three runs of two classes, diagnosed, with pixels, and with groups of images."""
    make_study(folder, runs=RUNS[:3])
    diagnose_study(folder)
    for file in (folder / "diagnosis").glob("*.json"):
        write_record(file, with_groups(read_record(Diagnosis, file)))
    return gather(folder)


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_told(tmp_path_factory.mktemp("told") / "study")


@pytest.fixture(scope="session")
def told_page(told: Material) -> str:
    return render(composed(told))


@pytest.fixture(scope="session")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Twelve runs, five classes, hostile names."""
    return gather(make_evil(tmp_path_factory.mktemp("evil") / "study"))


@pytest.fixture(scope="session")
def evil_page(evil: Material) -> str:
    return render(composed(evil))


@pytest.fixture(scope="session")
def evil_file(evil_page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(evil_page, encoding="utf-8")
    return path
