"""Tables as a study: what a run says of itself and what its exported predictions say are the same, term by term."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import heldout
from heldout.diagnosis.diagnose import diagnose as judge
from heldout.diagnosis.read import read_run_data
from heldout.errors import InputError, UsageError
from heldout.given.make import Call, make_study
from heldout.given.reading import Reading
from heldout.given.rows import Source
from heldout.records import Diagnosis, ReasonKind, TermStatus
from heldout.report import build_report
from heldout.report.blocks import Fault
from heldout.report.material import gather
from heldout.report.page import compose
from heldout.runs.compare import compare_study
from heldout.runs.folder import StudyFiles, read_study
from tests.worlds.given_tables import export, made_table
from tests.worlds.made_study import RUNS
from tests.worlds.made_study import make_study as made_study

TERMS = ("prior", "labels", "threshold", "ranking")


def study_of(folder: Path, *tables: pd.DataFrame | Path, reading: Reading | None = None) -> StudyFiles:
    sources = [
        Source(table, "" if len(tables) == 1 else part, part)
        for table, part in zip(tables, ("val", "test"), strict=False)
    ]
    return make_study(Call(tuple(sources), reading or Reading("probabilities"), folder))[0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> StudyFiles:
    return read_study(made_study(tmp_path_factory.mktemp("trained") / "study", runs=RUNS[:2], n_train=90))


@pytest.fixture(scope="module")
def given(trained: StudyFiles, tmp_path_factory: pytest.TempPathFactory) -> StudyFiles:
    folder = tmp_path_factory.mktemp("given")
    file = export(trained, trained.runs[0], folder / "run.csv")
    return study_of(folder / "study", file, reading=Reading("logits"))


def test_the_budget_of_exported_predictions_is_that_of_the_run(trained: StudyFiles, given: StudyFiles) -> None:
    (own,) = judge(trained, trained.runs[:1], experiments=False, bootstrap=200)
    (found,) = judge(given, experiments=False, bootstrap=200)
    assert found.gap_points == own.gap_points and found.test_accuracy == own.test_accuracy
    assert found.classes == own.classes
    mine, theirs = ({term.term: term.points for term in one.budget} for one in (own, found))
    assert list(mine) == list(theirs)
    for term in TERMS:
        for end in ("value", "low", "high"):
            assert getattr(theirs[term], end) == pytest.approx(getattr(mine[term], end), abs=1e-9), (term, end)
    assert found.review == own.review


def test_so_is_the_comparison(trained: StudyFiles, given: StudyFiles) -> None:
    own, found = compare_study(trained).runs[0], compare_study(given).runs[0]
    assert found.gap_points == own.gap_points
    for mine, theirs in ((own.train, found.train), (own.val, found.val), (own.test, found.test)):
        assert mine is not None and theirs is not None
        assert replace(mine, scores={}) == replace(theirs, scores={}) and list(mine.scores) == list(theirs.scores)
        for name, score in mine.scores.items():  # softmax of logits that were written and read: equal to rounding
            other = theirs.scores[name]
            assert (score is None) == (other is None)
            assert score is None or other is None or other.value == pytest.approx(score.value, abs=1e-9)
    unknown = (found.epochs, found.parameters, found.seconds_per_epoch, found.wall_seconds, found.test_evaluations)
    assert set(unknown) == {None} and found.oscillation is None and found.frozen is None


def test_rows_in_another_order_give_the_same_files(trained: StudyFiles, given: StudyFiles, tmp_path: Path) -> None:
    file = export(trained, trained.runs[0], tmp_path / "run.csv", shuffle=5)
    again = study_of(tmp_path / "study", file, reading=Reading("logits"))
    assert again.runs[0].record.id == given.runs[0].record.id
    assert (again.cohort.hash, again.split.hash) == (given.cohort.hash, given.split.hash)


def test_the_same_tables_given_again_are_the_same_study_and_others_another(tmp_path: Path) -> None:
    val, test = made_table("val", 60), made_table("test", 60, strength=0.8)
    token = study_of(tmp_path / "study", val, test).record.token
    better = study_of(tmp_path / "study", val, made_table("test", 60, strength=2.0)).record.token
    assert token and better == token, "other answers of the same images"
    assert study_of(tmp_path / "study", val, made_table("test", 50)).record.token not in ("", token)
    assert study_of(tmp_path / "elsewhere", val, test).record.token not in ("", token)


def finding(diagnosis: Diagnosis, code: str) -> tuple[str, ReasonKind]:
    (found,) = [one for one in diagnosis.findings if one.code == code]
    return found.verdict, found.kind


def test_what_is_not_known_of_a_given_model_is_not_said_to_be_nothing(tmp_path: Path) -> None:
    study = study_of(tmp_path / "study", made_table("val", 90), made_table("test", 90, strength=0.8))
    (found,) = judge(study, experiments=False, bootstrap=200)
    status = {term.term: term.status for term in found.budget}
    assert status["selection"] == status["leakage"] == TermStatus.NOT_MEASURED
    assert finding(found, "leakage") == ("not identifiable", ReasonKind.PARTS_MISSING)
    assert finding(found, "selection")[0] == "not identifiable"
    assert finding(found, "feature-distortion") == ("not identifiable", ReasonKind.MODEL)
    assert finding(found, "instability") == ("not identifiable", ReasonKind.MORE_SEEDS)
    assert finding(found, "overfitting") == ("not identifiable", ReasonKind.PARTS_MISSING)
    assert any("given, not trained here" in limit for limit in found.limits)
    assert any("training images are not known" in limit for limit in found.limits)
    assert not any("--seeds" in limit or "--patient" in limit for limit in found.limits)


def test_training_rows_show_relatives_without_answers(tmp_path: Path) -> None:
    val, test = made_table("val", 90), made_table("test", 90, strength=0.8)
    train = made_table("train", 90)[["id", "label", "patient"]]
    val.loc[:8, "patient"] = "train-p0"
    sources = (Source(val, "val", "val"), Source(test, "test", "test"), Source(train, "train", "train"))
    study, _ = make_study(Call(sources, Reading("probabilities"), tmp_path / "study"))
    (data,) = read_run_data(study, experiments=False)
    assert data.train is None and data.trained_on is not None and len(data.trained_on) == 90
    assert set(data.leaked) == {f"val{i:03d}" for i in range(9)} and data.finds_changed_copies
    (found,) = judge(study, experiments=False, bootstrap=200)
    assert {term.term: term.status for term in found.budget}["leakage"] == TermStatus.MEASURED
    assert compare_study(study).runs[0].train is None
    assert [row.train_images for row in found.classes] == [30, 30, 30], "labels are enough"


def test_several_models_compare_as_runs_do(tmp_path: Path) -> None:
    tables = [
        pd.concat([made_table("val", 120, seed=n, model=name), made_table("test", 120, strength=s, seed=n, model=name)])
        for n, (name, s) in enumerate([("good", 3.0), ("poor", 0.3)])
    ]
    study = study_of(tmp_path / "study", pd.concat(tables, ignore_index=True))
    found = compare_study(study)
    assert [row.model for row in found.runs] == ["given:good", "given:poor"]
    (pair,) = found.pairs
    assert pair.verdict == "distinguishable" and pair.difference_points.value > 20
    assert len(judge(study, experiments=False, bootstrap=100)) == 2


def test_candidates_are_kept_and_choosing_on_validation_is_measured(tmp_path: Path) -> None:
    tables = [
        pd.concat([made_table("val", 90, strength=1, seed=e), made_table("test", 90, strength=1, seed=e)]).assign(
            epoch=e
        )
        for e in range(12)
    ]
    table = pd.concat(tables, ignore_index=True)
    study = study_of(tmp_path / "val", table, reading=Reading("probabilities", chosen_on="val"))
    assert study.runs[0].record.learning.chosen == ("epoch",)
    (data,) = read_run_data(study, experiments=False, bootstrap=200)
    assert data.candidates is not None and len(data.candidates.variants) == 12
    assert data.val is not None and data.candidates.has("epoch=3", "test")
    (found,) = judge(study, experiments=False, bootstrap=200)
    selection = found.budget[[term.term for term in found.budget].index("selection")]
    assert selection.status == TermStatus.MEASURED and selection.points.value > 2  # the best of twelve equals, by luck
    on_test = study_of(tmp_path / "test", table, reading=Reading("probabilities", chosen_on="test"))
    (other,) = read_run_data(on_test, experiments=False)
    assert other.learning.chosen_on == "test" and other.candidates is not None


def test_further_columns_and_sites_travel(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", made_table("val").assign(site="north"), made_table("test").assign(site="south"))
    (data,) = read_run_data(study, experiments=False)
    assert data.val is not None and set(data.val.columns["device"]) == {"old", "new"}
    assert set(data.val.sites) == {"north"} and study.cohort.further == ("device",)


def test_the_same_tables_again_keep_what_was_made_and_others_take_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    first = study_of(folder, made_table("val"), made_table("test"))
    kept = first.runs[0].folder / "experiments" / "mark.json"
    kept.parent.mkdir()
    kept.write_text("{}")
    (folder / "notes.txt").write_text("mine")
    study_of(folder, made_table("val"), made_table("test"))
    assert kept.exists()
    other = study_of(folder, made_table("val", seed=3), made_table("test"))
    assert len(other.runs) == 1 and not kept.exists() and other.missing == ()
    fewer = study_of(folder, made_table("val", 57), made_table("test"))
    assert len(fewer.split.val) == 57 and (folder / "notes.txt").read_text() == "mine"


def test_a_study_that_was_trained_is_not_touched(tmp_path: Path) -> None:
    folder = made_study(tmp_path / "study", runs=RUNS[:1])
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(UsageError, match="trained here"):
        study_of(folder, made_table("val"), made_table("test"))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_the_report_says_nothing_of_a_training_that_nobody_knows(tmp_path: Path) -> None:
    study = study_of(tmp_path / "study", made_table("val", 90), made_table("test", 90, strength=0.5))
    judge(study, experiments=False, bootstrap=100)
    page = build_report(study.folder)
    assert "came with its predictions and was not trained here" in page
    for absent in ('"seconds-per-epoch"', '"learning"', '"models-table"', "Run again with --seeds", "of 1 planned"):
        assert absent not in page, absent
    assert "heldout run STUDY" not in page and "heldout run given" not in page
    assert "heldout.diagnose(val, test" in page
    sections = compose(gather(study.folder)).sections
    assert len(sections) > 8 and not [block for one in sections for block in one.blocks if isinstance(block, Fault)]


def test_python_takes_frames_and_writes_the_study(tmp_path: Path) -> None:
    val, test = made_table("val", 90), made_table("test", 90, strength=0.8)
    (found,) = heldout.diagnose(
        val, test, answers="probabilities", out=tmp_path / "s", bootstrap=100, experiments=False
    )
    assert isinstance(found, Diagnosis) and found.model == "given:model"
    saved = json.loads((tmp_path / "s" / "diagnosis" / f"{found.run}.json").read_text())
    assert saved["gap_points"]["value"] == pytest.approx(found.gap_points.value)  # type: ignore[union-attr]
    with pytest.raises(InputError, match="neither --probabilities"):
        heldout.diagnose(val, test, out=tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_who_says_chosen_on_test_is_asked_for_the_other_candidates(tmp_path: Path) -> None:
    """Said before, in Python only: nothing says that anything was chosen by its test score."""
    val, test = made_table("val", 90), made_table("test", 90, strength=0.8)
    (found,) = heldout.diagnose(
        val, test, answers="probabilities", chosen_on="test", out=tmp_path / "s", bootstrap=100, experiments=False
    )
    assert finding(found, "chosen-on-test") == ("not identifiable", ReasonKind.PARTS_MISSING)


def test_two_classes_and_no_patients_do(tmp_path: Path) -> None:
    frames = []
    for part in ("val", "test"):
        p = np.random.default_rng(len(part)).uniform(size=40).round(4)
        frames.append(pd.DataFrame({"path": [f"{part}/{i}.png" for i in range(40)], "label": ["no", "yes"] * 20}))
        frames[-1] = frames[-1].assign(no=1 - p, yes=p)
    study = study_of(tmp_path / "study", *frames)
    assert study.cohort.classes == ("no", "yes") and len(judge(study, experiments=False, bootstrap=100)) == 1
