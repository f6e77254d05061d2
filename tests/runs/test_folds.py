"""A cross-validated study from images to comparison, diagnosis and prediction."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import t as student

import heldout
from heldout.cli import ExitStatus
from heldout.data import store as store_module
from heldout.diagnosis.diagnose import diagnose
from heldout.errors import InputError, UsageError
from heldout.records.logit_table import logits_in
from heldout.runs.compare import compare
from heldout.runs.compare_folds import folds_of
from heldout.runs.cross_validation import fold_folder
from heldout.runs.folder import StudyFiles, read_study
from heldout.runs.ledger import TEST_EVALUATIONS, entries
from heldout.runs.predict import load_network, predict
from heldout.stats.estimates import share_estimate
from heldout.stats.folds import corrected_t
from heldout.stats.scores import softmax
from heldout.stats.units import Units
from heldout.study import Study
from tests.cli.call import call
from tests.worlds.bright_cells import bright_cells
from tests.worlds.findings import findings, write_npz

MODEL, FOLDS = "efficientnet_lite0", 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_cells(tmp_path_factory.mktemp("data"))


def study_of(data: Path, out: Path, **options: object) -> Study:
    wanted: dict[str, object] = {"epochs": 2, "image_size": 32, "folds": FOLDS, **options}
    return Study(data, [MODEL], ["probe", "bias"], out, **wanted)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def study(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return study_of(data, tmp_path_factory.mktemp("out") / "study").run()


@pytest.fixture(scope="module")
def files(study: Study) -> StudyFiles:
    return read_study(study.folder)


def fold_files(study: Study, number: int) -> StudyFiles:
    return read_study(fold_folder(study.folder, 0, number))


def test_validation_is_what_each_folds_run_answered_to_its_fold(study: Study, files: StudyFiles) -> None:
    for place, run in enumerate(files.runs):
        val = run.predictions["val"]
        assert val.ids == files.split.val and "train" not in run.predictions
        row = {id_: number for number, id_ in enumerate(val.ids)}
        for number in range(FOLDS):
            own = fold_files(study, number).runs[place].predictions
            assert "test" not in own
            np.testing.assert_allclose(val.logits[[row[id_] for id_ in own["val"].ids]], own["val"].logits)


def test_test_is_the_mean_of_the_folds_networks_scored_once(study: Study, files: StudyFiles) -> None:
    for run in files.runs:
        each = run.folds[run.folds["split"] == "test"]  # type: ignore[index]
        mean = np.mean([softmax(logits_in(rows)) for _, rows in each.groupby("variant", sort=False)], axis=0)
        np.testing.assert_allclose(softmax(run.predictions["test"].logits), mean, atol=1e-6)
        assert run.record.test_evaluations == 1
    assert len(entries(study.folder, TEST_EVALUATIONS)) == len(files.runs)
    for number in range(FOLDS):
        assert not entries(fold_folder(study.folder, 0, number), TEST_EVALUATIONS)


def test_a_fold_is_the_study_that_one_would_make_by_hand(data: Path, study: Study, tmp_path: Path) -> None:
    fold = fold_files(study, 1)
    table = study.cohort.table
    part = {id_: name for name in ("train", "val") for id_ in fold.split.part(name)}
    alone = study.cohort.__class__(
        **{**study.cohort.__dict__, "table": table.assign(split=table["id"].map(part).fillna("test"))}
    )
    by_hand = Study(alone, [MODEL], ["probe", "bias"], tmp_path / "alone", epochs=2, image_size=32).run()
    for ours, theirs in zip(fold.runs, read_study(by_hand.folder).runs, strict=True):
        row = {id_: number for number, id_ in enumerate(theirs.predictions["val"].ids)}
        order = [row[id_] for id_ in ours.predictions["val"].ids]
        np.testing.assert_allclose(
            softmax(ours.predictions["val"].logits), softmax(theirs.predictions["val"].logits[order]), atol=0.02
        )


def test_images_are_read_once_and_nothing_is_trained_twice(
    data: Path, study: Study, files: StudyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = {path.parent.name for path in study.folder.glob("images/*/store.json")}
    read = [len(json.loads((study.folder / "images" / name / "store.json").read_text())["ids"]) for name in stores]
    assert sorted(read) == sorted([len(files.split.val), len(files.split.test)])
    assert not list(study.folder.glob("folds/*/images")) and not list(study.folder.glob("folds/*/features"))

    def refuse(*_: object) -> None:
        raise AssertionError("an image is prepared again")

    monkeypatch.setattr(store_module, "_fill", refuse)
    before = {path: path.stat().st_mtime_ns for path in study.folder.glob("**/run.json")}
    study_of(data, study.folder).run()
    assert {path: path.stat().st_mtime_ns for path in study.folder.glob("**/run.json")} == before


def test_pairs_over_folds_are_those_of_the_formula(study: Study, files: StudyFiles) -> None:
    found = compare(study.folder)
    (pair,) = found.fold_pairs
    a, b = (run.predictions["val"].right.astype(float) for run in files.runs)
    folds = files.runs[0].folds
    assert folds is not None
    number = dict(
        zip(folds.loc[folds["split"] == "val", "id"], folds.loc[folds["split"] == "val", "variant"], strict=True)
    )
    names = np.array([number[id_] for id_ in files.split.val])
    d, n = zip(
        *((100 * (a - b)[names == name].mean(), (names == name).sum()) for name in np.unique(names)), strict=True
    )
    weights = np.array(n) / sum(n)
    mean = float(weights @ d)
    variance = float(weights @ (np.array(d) - mean) ** 2) * FOLDS / (FOLDS - 1)
    assert pair.difference_points.value == pytest.approx(100 * (a - b).mean()) == pytest.approx(mean)
    if variance > 1e-9:
        half = student.ppf(0.975, FOLDS - 1) * np.sqrt(variance * (1 / FOLDS + 1 / (FOLDS - 1)))
        assert pair.difference_points.high - pair.difference_points.value == pytest.approx(half, rel=1e-6)
    assert (pair.folds, pair.repeats, found.runs[0].folds) == (FOLDS, 1, FOLDS) and not found.choosing


def test_the_score_out_of_fold_has_the_wider_interval_of_patients_and_folds(study: Study, files: StudyFiles) -> None:
    rows = {row.id: row for row in compare(study.folder).runs}
    for run in files.runs:
        val = run.predictions["val"]
        told = rows[run.record.id].val.accuracy
        plain = share_estimate(val.right, Units.of(val.labels, val.ids, val.patients))
        assert told.value == plain.value and told.low <= plain.low and told.high >= plain.high
        names = folds_of(run, val)
        each = [val.right[names == number].mean() for number in range(FOLDS)]
        if np.ptp(each) > 0:
            found = corrected_t(
                each,
                [len(val) - (names == n).sum() for n in range(FOLDS)],
                [(names == n).sum() for n in range(FOLDS)],
                [(names == n).sum() for n in range(FOLDS)],
            )
            assert told.low <= max(0, found.low) + 1e-9 and "corrected resampled t" in told.method


def test_the_budget_takes_the_mean_of_networks_off_and_still_sums_to_the_gap(files: StudyFiles) -> None:
    for run, found in zip(files.runs, diagnose(files, files.runs, experiments=False), strict=True):
        terms = {term.term: term.points.value for term in found.budget}
        assert found.gap_points is not None
        assert sum(terms.values()) == pytest.approx(found.gap_points.value)
        test = run.predictions["test"]
        each = run.folds[run.folds["split"] == "test"]  # type: ignore[index]
        alone = [(logits_in(rows).argmax(1) == test.labels).mean() for _, rows in each.groupby("variant")]
        assert terms["averaging"] == pytest.approx(100 * (np.mean(alone) - test.right.mean()))
        assert terms["leakage"] == 0 or "leakage" in terms


def test_relatives_in_another_fold_are_leakage(study: Study, files: StudyFiles) -> None:
    from heldout.diagnosis.read import parts_of_folds
    from heldout.diagnosis.relatives import CopyPair, between_folds

    folds = parts_of_folds(files.runs[0].folds)  # type: ignore[arg-type]
    assert between_folds(files, folds) == ({}, {}), "patients are kept together"
    pair = CopyPair(folds[0][0], folds[1][0], "turned by 90°")
    found, changes = between_folds(files, folds, [pair, CopyPair(folds[2][0], folds[2][1], "flipped")])
    assert set(found) == set(changes) == {pair.first, pair.second}


def test_the_run_is_put_to_use_by_the_mean_and_has_no_network_of_its_own(
    data: Path, study: Study, files: StudyFiles
) -> None:
    run = files.runs[0]
    with pytest.raises(InputError, match="cross-validated run of 3 networks"):
        load_network(run.folder)
    image = np.load(data / "test" / "test_dark.npy")[0]
    file = study.folder.parent / "new.png"
    Image.fromarray(image).save(file)
    answered = predict(run.folder, [file]).filter(like="p(").to_numpy()
    members = [predict(run.folder / member, [file]).filter(like="p(").to_numpy() for member in run.record.members]
    assert len(members) == FOLDS
    np.testing.assert_allclose(answered, np.mean(members, axis=0), atol=1e-6)


def test_interventions_say_that_there_is_no_one_network(study: Study) -> None:
    told = call("diagnose", study.folder, "--sample", "20", "--run", study.plan()[0].recipe.id)
    assert told.status == ExitStatus.OK
    assert "another fold's network" in told.out.replace("\n    ", " ") and "failed" not in told.out
    assert call("report", study.folder, "--overwrite").status == ExitStatus.OK
    page = (study.folder / "report.html").read_text(encoding="utf-8")
    assert "--folds 3" in page and "--repeats 1" in page


@pytest.mark.slow
def test_nested_without_a_test_set_tells_what_choosing_is_worth(tmp_path: Path) -> None:
    data = bright_cells(tmp_path / "data", test=2)
    for name in ("test/test_dark.npy", "test/test_light.npy"):
        (data / name).unlink()
    table = pd.read_csv(data / "metadata.csv")
    table[table["file"].str.startswith("train")].to_csv(data / "metadata.csv", index=False)
    study = study_of(data, tmp_path / "study", require_test=False, seeds=2).run()
    found = study.compare()
    assert len(found.runs) == 4 and all(row.test is None and row.folds == FOLDS for row in found.runs)
    assert found.fold_pairs[0].repeats == 2 and len(found.choosing) == 2
    for choosing in found.choosing:
        assert len(choosing.chosen) == FOLDS and all(f"-s{choosing.seed}-" in id_ for id_ in choosing.chosen)
        assert 0.5 < choosing.score.value <= 1
        assert choosing.score.method.startswith("the wider of")
        for row in found.runs:  # one run that every fold chose has that run's own score and interval
            if set(choosing.chosen) == {row.id}:
                assert choosing.score == row.val.score
    files = read_study(study.folder)
    differences, learned, held_back = [], [], []
    for repeat in (0, 1):
        probe, bias = files.runs[repeat], files.runs[2 + repeat]
        for number in range(FOLDS):
            split = read_study(fold_folder(study.folder, repeat, number)).split
            sides = (run.predictions["val"] for run in (probe, bias))
            a, b = (dict(zip(side.ids, side.right, strict=True)) for side in sides)
            differences.append(float(np.mean([float(a[id_]) - float(b[id_]) for id_ in split.test])))
            learned.append(len(split.train))
            held_back.append(len(split.test))
    wanted = corrected_t(differences, learned, held_back, held_back)  # nothing is learned from what a fold chooses by
    (pair,) = found.fold_pairs
    assert wanted.varies and pair.p == pytest.approx(wanted.p)
    assert pair.difference_points.high == pytest.approx(100 * wanted.high)
    for run in files.runs:
        choice = run.folds[run.folds["split"] == "choice"]  # type: ignore[index]
        outer = run.folds[run.folds["split"] == "val"]  # type: ignore[index]
        for name, rows in choice.groupby("variant"):
            assert not set(rows["id"]) & set(outer.loc[outer["variant"] == name, "id"])
        assert run.record.learning.chosen == ()


@pytest.mark.slow
def test_several_labels_are_cross_validated_too(tmp_path: Path) -> None:
    data = write_npz(tmp_path / "findings.npz", (60, 30, 40))
    study = Study(data, [MODEL], ["probe"], tmp_path / "study", image_size=32, folds=2).run()
    (row,) = study.compare().runs
    assert row.test is not None and row.test.accuracy.value > 0.8 and len(findings(3, 0)[0]) == len(row.val.labels)


def test_what_does_not_go_together_is_told(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--folds together with --tune"):
        study_of(data, tmp_path / "a", tune=3)
    with pytest.raises(UsageError, match="--folds together with --val-fraction"):
        study_of(data, tmp_path / "b", val_fraction=0.3)
    for words in (("--repeats", "3"), ("--folds", "3", "--seeds", "2")):
        told = call("run", data, "--models", MODEL, *words, "--out", tmp_path / "c")
        assert told.status == ExitStatus.USAGE and "--repeats" in told.err
    assert not (tmp_path / "c").exists()


def test_what_probabilities_of_folds_rest_on_is_said(data: Path, study: Study, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(study.folder, tmp_path / "copy"))
    run = read_study(copy).runs[0].folder
    record = heldout.calibrate(run)
    assert record.crossed and record.pictured and not record.compares_answers
    (tmp_path / "new").mkdir()
    for name in ("dark", "light"):
        for number, image in enumerate(np.load(data / "train" / f"{name}.npy")[:12]):
            Image.fromarray(image).save(tmp_path / "new" / f"{name}-{number}.png")
    answer = call("predict", run, tmp_path / "new")
    assert answer.status is ExitStatus.OK, answer.err
    assert (
        "may be too low" in answer.err and "the images that tested the promises, in measured properties" in answer.err
    )
