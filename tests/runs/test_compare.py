"""Task D on made studies whose accuracies are planted to the image."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import permutation_test
from sklearn.metrics import recall_score, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from heldout.diagnosis.diagnose import diagnose
from heldout.errors import InputError, UsageError
from heldout.records import Comparison
from heldout.records.codec import from_data, to_data
from heldout.runs.compare import compare, compare_study
from heldout.runs.folder import read_study
from tests.worlds.made_study import RUNS, Planted, make_study

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("made") / "study")


@pytest.fixture(scope="module")
def comparison(study: Path) -> Comparison:
    return compare(study, bootstrap=1000)


def test_every_run_has_its_planted_accuracies(comparison: Comparison) -> None:
    for planted, row in zip(RUNS, comparison.runs, strict=True):
        assert (row.model, row.strategy, row.seed) == (planted.backbone, planted.strategy, 0)
        assert row.train.accuracy.value == round(300 * planted.train) / 300
        assert row.val.accuracy.value == round(200 * planted.val) / 200
        assert row.test is not None and row.gap_points is not None
        assert row.test.accuracy.value == round(120 * planted.test) / 120
        assert row.gap_points.value == pytest.approx(100 * (row.val.accuracy.value - row.test.accuracy.value))
        assert (row.train.accuracy.n, row.val.accuracy.n, row.test.accuracy.n) == (300, 200, 120)


def test_auc_and_recalls_are_those_of_scikit_learn(study: Path, comparison: Comparison) -> None:
    for run, row in zip(read_study(study).runs, comparison.runs, strict=True):
        test = run.predictions["test"]
        assert row.test and row.test.auc
        assert row.test.auc.value == pytest.approx(roc_auc_score(test.labels, test.logits[:, 1] - test.logits[:, 0]))
        expected = recall_score(test.labels, test.predicted, average=None)
        assert [recall.value for recall in row.test.recall.values() if recall] == pytest.approx(expected)
        assert list(row.test.recall) == ["normal", "pneumonia"]


def test_what_the_run_says_of_itself_is_passed_on(study: Path, comparison: Comparison) -> None:
    for run, row in zip(read_study(study).runs, comparison.runs, strict=True):
        for name in ("id", "epochs", "trainable_parameters", "parameters", "seconds_per_epoch", "wall_seconds"):
            assert getattr(row, name) == getattr(run.record, name)
        assert (row.device, row.frozen, row.test_evaluations) == (
            run.record.device,
            run.record.frozen,
            run.record.test_evaluations,
        )


def test_restless_runs_are_told_from_calm_ones(comparison: Comparison) -> None:
    finetuned = [row.oscillation for row in comparison.runs if row.strategy == "finetune"]
    frozen = [row.oscillation for row in comparison.runs if row.strategy == "frozen"]
    assert min(o.roughness_points for o in finetuned) > max(o.roughness_points for o in frozen)
    assert all(o.reversals == 0 for o in frozen)
    assert all(o.reversals >= 3 for o in finetuned)


def test_overfitting_is_read_from_the_losses(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "study", runs=RUNS[:1])
    path = next(folder.glob("runs/*/history.csv"))
    history = pd.read_csv(path)
    assert compare(folder, bootstrap=100).runs[0].overfit_epoch is None
    history["val_loss"] = [0.6, 0.5, 0.4, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]
    history.to_csv(path, index=False)
    assert compare(folder, bootstrap=100).runs[0].overfit_epoch == 4


def test_pairs_are_those_of_statsmodels_and_scipy(study: Path, comparison: Comparison) -> None:
    """McNemar's p by statsmodels; sign flips of patients' net images by SciPy's permutation test, to its noise."""
    runs = {run.record.id: run.predictions["test"] for run in read_study(study).runs}
    assert [(pair.a, pair.b) for pair in comparison.pairs] == list(itertools.combinations(runs, 2))
    for pair in comparison.pairs:
        a, b = (runs[id_].right for id_ in (pair.a, pair.b))
        table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
        assert pair.split == "test" and pair.test == "randomisation"
        assert pair.difference_points.value == pytest.approx(100 * (a.mean() - b.mean()))
        assert pair.p_images == pytest.approx(mcnemar(table).pvalue)
        net = pd.Series(a.astype(int) - b).groupby(list(runs[pair.a].patients)).sum().to_numpy()
        assert len(net) < len(a), "some patient has several images"
        flips = permutation_test((net,), np.sum, permutation_type="samples", n_resamples=9999, rng=1).pvalue
        assert pair.p == pytest.approx(flips, abs=4 * np.sqrt(2 * flips * (1 - flips) / 9999) + 2e-4)
    p_values = [pair.p for pair in comparison.pairs]
    assert [pair.p_holm for pair in comparison.pairs] == pytest.approx(multipletests(p_values, method="holm")[1])


@pytest.mark.parametrize("patients", ["", "one image each"])
def test_mcnemar_decides_where_every_image_is_a_unit(study: Path, patients: str) -> None:
    files = read_study(study)
    runs = []
    for run in files.runs:
        test = run.predictions["test"]
        names = tuple(f"{patients} {i}" if patients else "" for i in range(len(test)))
        changed = {**run.predictions, "test": dataclasses.replace(test, patients=names)}
        runs.append(dataclasses.replace(run, predictions=changed))
    for pair in compare_study(dataclasses.replace(files, runs=tuple(runs)), bootstrap=100).pairs:
        assert pair.test == "McNemar" and pair.p == pair.p_images


def test_the_aucs_of_a_pair_are_those_of_the_table_apart(comparison: Comparison) -> None:
    areas = {row.id: row.test.auc.value for row in comparison.runs if row.test and row.test.auc}
    p_values = []
    for pair in comparison.pairs:
        assert pair.auc_difference is not None and pair.p_auc is not None and pair.p_auc_holm is not None
        assert pair.auc_difference.value == pytest.approx(areas[pair.a] - areas[pair.b])
        outside = pair.auc_difference.low > 0 or pair.auc_difference.high < 0
        assert outside == (pair.p_auc < 0.05)
        assert "Obuchowski" in pair.auc_difference.method and "patients" in pair.auc_difference.method
        p_values.append(pair.p_auc)
    corrected = [pair.p_auc_holm for pair in comparison.pairs]
    assert corrected == pytest.approx(multipletests(p_values, method="holm")[1])


def test_the_auc_of_a_class_of_one_patient_is_not_compared(study: Path) -> None:
    files = read_study(study)
    runs = []
    for run in files.runs:
        test = run.predictions["test"]
        names = tuple("alone" if label else f"p{i // 2}" for i, label in enumerate(test.labels))
        changed = {**run.predictions, "test": dataclasses.replace(test, patients=names)}
        runs.append(dataclasses.replace(run, predictions=changed))
    for pair in compare_study(dataclasses.replace(files, runs=tuple(runs)), bootstrap=100).pairs:
        assert pair.auc_difference is pair.p_auc is pair.p_auc_holm is None


def test_the_verdict_is_the_more_cautious_of_test_and_interval(comparison: Comparison) -> None:
    verdicts = set()
    for pair in comparison.pairs:
        excluded = pair.difference_points.low > 0 or pair.difference_points.high < 0
        assert (pair.verdict == "distinguishable") == (pair.p_holm < 0.05 and excluded)
        verdicts.add(pair.verdict)
    assert verdicts == {"distinguishable", "not distinguishable"}
    # A pair whose interval alone would claim a difference: lite0 frozen against lite1 finetune, p .023 before Holm.
    assert any(pair.verdict == "not distinguishable" and pair.difference_points.low > 0 for pair in comparison.pairs)


def test_a_few_patients_with_many_images_make_mcnemar_too_sure(tmp_path: Path) -> None:
    """All disagreement sits in two patients: McNemar sees 24 images, sign flips and the bootstrap two people."""
    folder = make_study(tmp_path / "study", runs=RUNS[:2], n_test=120)
    files = read_study(folder)
    table = files.cohort.table
    names = table["patient"].to_numpy(copy=True)
    test = np.flatnonzero(table["split"] == "test")
    for start in range(0, 120, 12):
        names[test[start : start + 12]] = f"crowd{start}"
    crowds = tuple(str(name) for name in names[test])
    runs = []
    for run, wrong in zip(files.runs, (24, 0), strict=True):
        scored = run.predictions["test"]
        answers = np.where(np.arange(120) < wrong, 1 - scored.labels, scored.labels)
        answered = dataclasses.replace(scored, logits=np.eye(2)[answers], patients=crowds)
        changed = {**run.predictions, "test": answered}
        runs.append(dataclasses.replace(run, predictions=changed))
    (pair,) = compare_study(dataclasses.replace(files, runs=tuple(runs))).pairs
    assert pair.p_images is not None and pair.p_images < 1e-6
    assert pair.test == "randomisation" and pair.p == pair.p_holm == pytest.approx(0.5, abs=0.03)
    assert pair.difference_points.value == pytest.approx(-20)
    assert pair.difference_points.high >= 0
    assert pair.verdict == "not distinguishable"


def test_intervals_name_their_patients(study: Path, comparison: Comparison) -> None:
    files = read_study(study)
    n, both = (len({name for part in parts for name in files.patients(part)}) for parts in (["test"], ["val", "test"]))
    row = comparison.runs[0]
    assert row.test and row.test.auc and row.gap_points
    assert row.test.accuracy.method.endswith(f"effective number of images of {n} patients")
    assert row.test.auc.method.endswith(f"patient bootstrap, {n} patients, 1000 replicates")
    assert row.gap_points.method.startswith(f"patient bootstrap, {both} patients, 1000 replicates")
    sure = comparison.runs[2].train.accuracy
    assert sure.value == 1
    patients = len(set(files.patients("train")))
    assert sure.low == pytest.approx(proportion_confint(patients, patients, method="wilson")[0]), "all are right"


def test_without_patients_accuracy_has_wilsons_interval(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "study", patients=False, runs=RUNS[:2])
    row = compare(folder, bootstrap=200).runs[0]
    assert row.test and row.test.auc and row.gap_points
    expected = proportion_confint(96, 120, method="wilson")
    assert (row.test.accuracy.low, row.test.accuracy.high) == pytest.approx(expected)
    assert row.test.auc.method.endswith("by the image bootstrap, 200 replicates")
    assert row.gap_points.method == "image bootstrap, 200 replicates"


def test_without_a_test_set_pairs_are_made_on_validation(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "study", n_test=0, runs=RUNS[:2])
    found = compare(folder, bootstrap=200)
    assert all(row.test is None and row.gap_points is None for row in found.runs)
    assert [pair.split for pair in found.pairs] == ["val"]
    assert found.groups[0].test_accuracy is None and found.groups[0].test_spread_points is None


def test_five_classes_one_of_them_absent_from_test(tmp_path: Path) -> None:
    """Four test images, one of each class but the last."""
    folder = make_study(tmp_path / "study", classes=tuple("abcde"), n_test=4, runs=RUNS[:1])
    row = compare(folder, bootstrap=200).runs[0]
    assert row.test and row.test.auc is None
    assert row.test.recall["e"] is None and row.test.recall["a"] is not None
    assert row.val.auc is not None and 0.5 < row.val.auc.value < 1


def test_seeds_of_a_model_are_grouped_with_their_spread(tmp_path: Path) -> None:
    runs = [Planted("efficientnet_lite0", "frozen", s, val=v, test=t) for s, v, t in ((0, 0.9, 0.8), (1, 0.94, 0.85))]
    found = compare(make_study(tmp_path / "study", runs=[*runs, RUNS[0]]), bootstrap=200)
    frozen, finetune = found.groups
    assert frozen.seeds == (0, 1)
    assert frozen.val_accuracy == pytest.approx(0.92)
    assert frozen.val_spread_points == pytest.approx(100 * np.std([0.9, 0.94], ddof=1))
    assert frozen.test_spread_points == pytest.approx(100 * np.std([0.8, 0.85], ddof=1))
    assert finetune.val_spread_points is None


def test_one_run_has_no_pairs(tmp_path: Path) -> None:
    assert compare(make_study(tmp_path / "study", runs=RUNS[:1]), bootstrap=200).pairs == ()


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(study: Path) -> None:
    assert compare(study, bootstrap=200, seed=3) == compare(study, bootstrap=200, seed=3)
    assert compare(study, bootstrap=200, seed=3) != compare(study, bootstrap=200, seed=4)


def test_a_run_has_the_same_numbers_beside_other_runs(study: Path, comparison: Comparison) -> None:
    files = read_study(study)
    alone = compare_study(dataclasses.replace(files, runs=files.runs[1:2]), bootstrap=1000)
    assert alone.runs[0] == comparison.runs[1]


@pytest.mark.parametrize("patients", [True, False])
def test_a_number_has_one_interval_whoever_says_it(tmp_path: Path, patients: bool) -> None:
    """The JSON of `compare` and of `diagnose`, at their own numbers of replicates."""
    folder = make_study(tmp_path / "study", patients=patients, runs=(RUNS[0], Planted("efficientnet_lite0", "frozen")))
    said = to_data(compare(folder))
    found = {one.run: to_data(one) for one in diagnose(read_study(folder), experiments=False)}
    assert len(found) == 2
    for row in said["runs"]:
        diagnosis = found[row["id"]]
        assert diagnosis["val_accuracy"] == row["val"]["accuracy"]
        assert diagnosis["test_accuracy"] == row["test"]["accuracy"]
        assert diagnosis["gap_points"] == row["gap_points"]
        for own in diagnosis["classes"]:
            assert own["val_recall"] == row["val"]["recall"][own["name"]]
            assert own["test_recall"] == row["test"]["recall"][own["name"]]


def test_json_and_back(comparison: Comparison) -> None:
    assert from_data(Comparison, to_data(comparison), "here") == comparison


def test_nothing_to_compare_and_too_few_replicates(tmp_path: Path, study: Path) -> None:
    folder = make_study(tmp_path / "study", runs=RUNS[:2])
    for path in folder.glob("runs/*/run.json"):
        path.unlink()
    with pytest.raises(InputError, match="no complete run; 2 are planned"):
        compare(folder)
    with pytest.raises(UsageError, match="at least 100"):
        compare(study, bootstrap=99)


def test_a_gap_has_the_interval_of_its_diagnosis(tmp_path: Path) -> None:
    """Said before: 7.0 to 15.2 by `compare`, 6.5 to 15.0 by `diagnose --bootstrap 200`."""
    study = read_study(make_study(tmp_path / "study", runs=RUNS[:1]))
    usual = compare_study(study).runs[0].gap_points
    (found,) = diagnose(study, experiments=False, bootstrap=200)
    assert compare_study(study).runs[0].gap_points == found.gap_points != usual
    assert compare_study(study, bootstrap=1000).runs[0].gap_points == usual
