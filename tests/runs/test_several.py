"""Studies with several labels an image: compared, asked of one label, reported, and refused where damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.backbones import resolve
from heldout.cli import ExitStatus
from heldout.diagnosis.diagnose import diagnose
from heldout.diagnosis.read import read_run_data
from heldout.errors import UsageError
from heldout.records import Recipe
from heldout.report.material import Wanted, gather
from heldout.report.page import compose
from heldout.runs.compare import compare
from heldout.runs.folder import read_study
from heldout.runs.judging import Judging, asking_of, metric_of
from heldout.runs.one_label import of_label, questions
from heldout.runs.plan import StudySpec, bases
from heldout.stats.label_scores import LabelValues, joint_draws
from heldout.strategies.probe import Probe
from tests.cli.call import Answer, call
from tests.worlds.made_labels import LABELS, make_label_study
from tests.worlds.made_study import make_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_label_study(tmp_path_factory.mktemp("labels") / "study")


@pytest.fixture(scope="module")
def diagnosed(study: Path) -> Answer:
    return call("diagnose", study, "--no-experiments", "--bootstrap", "100")


def test_runs_are_compared_by_the_mean_auc_and_told_apart_by_patients(study: Path) -> None:
    found = compare(study, bootstrap=200)
    assert found.metric.name == "mean-auc" and found.baseline and found.baseline.val.value == 0.5
    better, worse = found.runs
    for row in found.runs:
        for part in (row.val, row.test):
            assert part is not None and part.by_metric == part.auc
            areas = [one.auc.value for one in part.labels.values() if one.auc]
            assert part.score.value == pytest.approx(np.mean(areas)) and len(areas) == 3
            assert part.score.low <= part.score.value <= part.score.high
    assert better.test and worse.test and better.gap_points and worse.gap_points
    (pair,) = found.pairs
    assert pair.test == "bootstrap" and pair.verdict == "distinguishable" and pair.p == pair.p_holm < 0.05
    assert pair.difference_points.value == pytest.approx(100 * (better.test.score.value - worse.test.score.value))
    area = pair.auc_difference  # the metric is the mean AUC: once in points, once as the AUC itself is told
    assert area and (area.value, area.low, area.high) == pytest.approx(
        tuple(
            end / 100 for end in (pair.difference_points.value, pair.difference_points.low, pair.difference_points.high)
        )
    )
    assert (pair.p_auc, pair.p_auc_holm, pair.p_images) == (pair.p, pair.p_holm, None)
    assert worse.gap_points.value == pytest.approx(100 * (worse.val.score.value - worse.test.score.value))
    blurred = {name: one.auc.value for name, one in worse.test.labels.items() if one.auc}
    assert min(blurred, key=blurred.__getitem__) == "disc"


def test_a_run_that_only_guesses_is_told_so_first(tmp_path: Path) -> None:
    folder = make_label_study(tmp_path / "study", n=60)
    file = folder / "runs" / read_study(folder).runs[1].record.id / "predictions.parquet"
    table = pd.read_parquet(file)
    columns = [f"logit_{c}" for c in range(3)]
    table[columns] = np.random.default_rng(4).normal(size=(len(table), 3)).astype(np.float32)
    table.to_parquet(file, index=False)
    good, guess = compare(folder, bootstrap=100).runs
    assert good.better_than_baseline and not guess.better_than_baseline
    first = call("compare", folder, "--bootstrap", "100").out.splitlines()[0]
    assert "does no better" in first and "the same answer for every image" in first and "50.0 %" in first


def test_another_mean_is_asked_for_by_its_name(study: Path) -> None:
    files = read_study(study)
    judging = Judging(metric_of("mean-f1", LABELS, files.cohort.labelling))
    row = compare(study, judging=judging, bootstrap=100).runs[0]
    side = files.runs[0].labelled["test"]
    values = LabelValues(side, joint_draws(side, None, 100, 0).resamples("val"))
    assert row.test and row.test.score.value == pytest.approx(values.of_metric("mean-f1")[0])


def test_what_is_for_one_class_is_refused_by_name(study: Path, tmp_path: Path) -> None:
    labelling = read_study(study).cohort.labelling
    with pytest.raises(UsageError, match="mean-auc"):
        metric_of("accuracy", LABELS, labelling)
    with pytest.raises(UsageError, match="several labels"):
        asking_of(LABELS, order="disc,bar,stripes", labelling=labelling)
    answer = call("compare", study, "--unit", "patient")
    assert answer.status == ExitStatus.USAGE and "--unit patient" in answer.err and "--label NAME" in answer.err
    with pytest.raises(UsageError, match="--positive disc"):
        asking_of(LABELS, positive="disc", labelling=labelling)
    with pytest.raises(UsageError, match="--label NAME"):
        diagnose(read_study(study))
    with pytest.raises(UsageError, match="disc, bar, stripes"):
        of_label(read_study(study), "edema")
    single = make_study(tmp_path / "single", n_train=20, n_val=20, n_test=20, epochs=2)
    with pytest.raises(UsageError, match="one class"):
        of_label(read_study(single), "pneumonia")
    assert questions(read_study(single))[0].label == ""


def test_a_strategy_that_cannot_learn_several_labels_is_refused_by_name_before_anything_is_trained(study: Path) -> None:
    class OneClassOnly(Probe):
        name = "one-class-only"
        labels = ("single",)

    files = read_study(study)
    info = resolve("efficientnet_lite0")
    spec = StudySpec("made", (info,), (Probe(), OneClassOnly()))
    with pytest.raises(UsageError, match=r"^one-class-only cannot learn several labels .*probe"):
        bases(spec, files.cohort, files.split, {info.name: "0" * 16})
    fine = bases(StudySpec("made", (info,), (Probe(),)), files.cohort, files.split, {info.name: "0" * 16})
    assert [run.recipe.labels for run in fine] == ["several"]


def test_one_label_is_a_study_of_two_classes_on_the_same_images(study: Path) -> None:
    whole = read_study(study)
    view = of_label(whole, "bar")
    assert view.cohort.classes == ("no bar", "bar") and view.split == whole.split
    run, own = view.runs[0], whole.runs[0].labelled["test"]
    assert (run.predictions["test"].predicted == own.predicted[:, 1]).all()
    has = view.cohort.table.set_index("id")["label"].loc[list(own.ids)] == "bar"
    assert (has.to_numpy() == (own.labels[:, 1] == 1)).all()
    assert run.network == whole.runs[0].folder != run.folder
    (data,) = read_run_data(view, [run], bootstrap=100)
    chosen = data.choices["threshold"]
    assert run.question is not None and len(chosen.variants) == len(run.question.candidates) > 10
    assert data.learning.chosen == ("threshold",) and "val_accuracy" not in data.history


def test_the_diagnosis_names_the_label_that_loses_and_tells_what_the_threshold_flatters(
    study: Path, diagnosed: Answer
) -> None:
    assert diagnosed.status == ExitStatus.OK
    blurred = next(line for line in diagnosed.out.splitlines() if "(probe, seed 1)" in line)
    assert "disc" in blurred and "bar" not in blurred and "stripes" not in blurred
    files = sorted((study / "diagnosis" / "labels").glob("*/*.json"))
    assert len(files) == 6 and not list((study / "diagnosis").glob("*.json"))
    found = [json.loads(file.read_text()) for file in files]
    assert {one["label"] for one in found} == set(LABELS) and {one["metric"]["name"] for one in found} == {
        "balanced-accuracy"
    }
    selection = [term for one in found for term in one["budget"] if term["term"] == "selection"]
    assert all(term["status"] == "measured" and "threshold" in term["detail"] for term in selection)


def test_one_label_is_told_in_full(study: Path) -> None:
    answer = call("diagnose", study, "--label", "disc", "--no-experiments", "--bootstrap", "100", "--json")
    found = json.loads(answer.out)
    assert answer.status == ExitStatus.OK and [one["label"] for one in found["runs"]] == ["disc", "disc"]
    assert found["runs"][1]["explained"] and found["runs"][1]["gap_points"]["value"] > 5


def test_the_report_has_every_label_and_a_page_of_each(study: Path, diagnosed: Answer) -> None:
    assert diagnosed.status == ExitStatus.OK
    page = compose(gather(study))
    names = [section.id for section in page.sections]
    assert {"labels", "label-losses", "comparison", "pairs"} <= set(names) and "errors" not in names
    one = compose(gather(study, Wanted(label="disc")))
    assert "disc" in one.title and {"why", "errors"} <= {section.id for section in one.sections}
    faults = [block for made in (page, one) for section in made.sections for block in section.blocks]
    assert [block for block in faults if type(block).__name__ == "Fault"] == []
    answer = call("report", study, "--label", "disc")
    assert answer.status == ExitStatus.OK and (study / "report-0-disc.html").is_file()


def test_compare_prints_a_table_a_run_with_a_row_a_label(study: Path) -> None:
    answer = call("compare", study, "--bootstrap", "100")
    assert answer.status == ExitStatus.OK and answer.out.count("labels on test") == 2
    assert "mean AUC" in answer.out and "bootstrap's standard error" in " ".join(answer.out.split())
    assert all(label in answer.out for label in LABELS)


@pytest.mark.parametrize("damage", ["label", "logit", "thresholds"])
def test_a_damaged_run_is_told(tmp_path: Path, damage: str) -> None:
    folder = make_label_study(tmp_path / "study", n=30)
    run = sorted((folder / "runs").iterdir())[0]
    if damage == "thresholds":
        record = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps({**record, "thresholds": [0.0]}))
    else:
        table = pd.read_parquet(run / "predictions.parquet")
        column = {"label": "label_1", "logit": "logit_2"}[damage]
        table.loc[3, column] = 1 - table.loc[3, column] if damage == "label" else np.nan
        table.to_parquet(run / "predictions.parquet", index=False)
    files = read_study(folder)
    (aside,) = files.set_aside
    assert {"label": "labels", "logit": "finite", "thresholds": "threshold"}[damage] in str(aside)
    assert aside.run == run.name and len(files.runs) == 1, "the other run goes on"


def test_recipes_of_one_class_keep_the_ids_that_they_had() -> None:
    recipe = Recipe("c", "s", ("a", "b"), "offline:x", "w", "probe", {}, 64, "stretch", "bicubic", 0)
    assert recipe.id == "x-probe-s0-77b4749f" != replace(recipe, labels="several").id
