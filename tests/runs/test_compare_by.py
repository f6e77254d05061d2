"""Runs judged by another metric, one decision a patient, and held against always answering the commonest class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from heldout.answer import comparison_sentences, names_in
from heldout.answer.baseline import no_better
from heldout.answer.why import headline
from heldout.diagnosis.diagnose import diagnose_run
from heldout.records import Asking, Metric, Unit
from heldout.records.codec import from_data, to_data
from heldout.records.comparison import Comparison
from heldout.records.predictions import Predictions
from heldout.runs.compare import compare_study
from heldout.runs.folder import StudyFiles, read_study
from heldout.runs.judging import Judging
from heldout.stats.decisions import merged
from heldout.stats.further import FURTHER
from tests.worlds.made_runs import counted, of_parts
from tests.worlds.made_study import RUNS, make_study

pytestmark = pytest.mark.numeric

BALANCED = Judging(Metric("balanced-accuracy"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyFiles:
    return read_study(make_study(tmp_path_factory.mktemp("made") / "study"))


def with_counts(study: StudyFiles, *each: list[tuple[int, int]]) -> StudyFiles:
    """The study's first runs with test parts of so many (images, right ones) a class; train and validation alike."""
    runs = []
    for run, counts in zip(study.runs, each, strict=False):
        val = counted("val", [(n, min(n, hits + 2)) for n, hits in counts])
        train = counted("train", counts)
        runs.append(replace(run, predictions={"train": train, "val": val, "test": counted("test", counts)}))
    return replace(study, runs=tuple(runs))


def test_balanced_accuracy_is_scikit_learns_and_ranks(study: StudyFiles) -> None:
    found = compare_study(study, judging=BALANCED, bootstrap=200)
    for run, row in zip(study.runs, found.runs, strict=True):
        for part, scores in (("train", row.train), ("val", row.val), ("test", row.test)):
            side = run.predictions[part]
            assert scores is not None and scores.by_metric is not None and scores.score == scores.by_metric
            assert scores.score.value == pytest.approx(balanced_accuracy_score(side.labels, side.predicted))
        assert row.gap_points is not None and row.test is not None
        assert row.gap_points.value == pytest.approx(100 * (row.val.score.value - row.test.score.value))
    assert {pair.test for pair in found.pairs} == {"randomisation"}
    first = comparison_sentences(found, names_in(found))[0]
    assert "test balanced accuracy is" in first
    assert from_data(Comparison, to_data(found), "made") == found


def test_a_rare_class_turns_the_ranking_round(study: StudyFiles) -> None:
    """Of 200 images 20 are rare: one run is right on more images, the other on more of the rare ones."""
    made = with_counts(study, [(180, 178), (20, 4)], [(180, 160), (20, 16)])
    names = {}
    for judging in (Judging(), BALANCED, Judging(Metric("cost", {"normal": 1.0, "pneumonia": 20.0}))):
        found = compare_study(made, judging=judging, bootstrap=200)
        values = [row.test.score.value for row in found.runs if row.test]
        names[judging.metric.name] = int(np.argmax(values))
        (pair,) = found.pairs
        assert pair.difference_points.value == pytest.approx(100 * (values[0] - values[1]))
    assert names == {"accuracy": 0, "balanced-accuracy": 1, "cost": 1}


def test_a_run_no_better_than_the_commonest_class_is_told_so_first(study: StudyFiles) -> None:
    """90.7 % where 89.6 % are benign."""
    benign = [(2688, 2670), (312, 51)]
    made = with_counts(study, [(269, 267), (31, 5)])
    found = compare_study(made, bootstrap=500)
    (row,) = found.runs
    assert found.baseline is not None and found.baseline.test is not None and row.over_baseline_points is not None
    assert (found.baseline.answer, round(found.baseline.test.value, 3)) == ("normal", 0.897)
    assert row.over_baseline_points.value == pytest.approx(100 * (272 - 269) / 300)
    assert not row.better_than_baseline
    first = comparison_sentences(found, names_in(found))[0]
    assert "does no better on test than always answering 'normal', the commonest class" in first
    by_class = compare_study(made, judging=BALANCED, bootstrap=500)
    assert by_class.baseline is not None and by_class.baseline.val.value == 0.5
    better = compare_study(with_counts(study, benign, [(2688, 2670), (312, 212)]), bootstrap=200)
    assert [one.better_than_baseline for one in better.runs] == [True, True]
    assert len(comparison_sentences(better, names_in(better))) == 2


def test_of_several_runs_those_that_are_no_better_are_named(study: StudyFiles) -> None:
    made = with_counts(study, [(269, 267), (31, 5)], [(269, 265), (31, 28)], [(269, 260), (31, 5)])
    found = compare_study(made, bootstrap=300)
    assert [row.better_than_baseline for row in found.runs] == [False, True, False]
    names = names_in(found)
    first = comparison_sentences(found, names)[0]
    assert names[found.runs[0].id].spoken in first and names[found.runs[1].id].spoken not in first
    everyone = compare_study(with_counts(study, [(269, 267), (31, 5)], [(269, 260), (31, 5)]), bootstrap=300)
    assert comparison_sentences(everyone, names_in(everyone))[0].startswith("None of the 2 runs does better on test")


def test_a_diagnosis_says_it_first_too() -> None:
    made = of_parts(counted("val", [(269, 269), (31, 20)]), counted("test", [(269, 267), (31, 5)]))
    made = replace(made, train=counted("train", [(269, 267), (31, 5)]))
    found = diagnose_run(made)
    assert found.baseline == "NORMAL" and not found.beats_baseline
    assert headline(found, "the run").startswith("the run does no better on test than always answering 'NORMAL'")
    good = diagnose_run(replace(made, test=counted("test", [(269, 240), (31, 28)]), metric=Metric("balanced-accuracy")))
    assert good.beats_baseline and no_better(good, "x") == ""


def test_one_decision_a_patient_is_the_merged_parts(study: StudyFiles) -> None:
    for by in ("mean", "max", "majority"):
        found = compare_study(study, judging=Judging(unit=Unit("patient", by)), bootstrap=200)  # type: ignore[arg-type]
        for run, row in zip(study.runs, found.runs, strict=True):
            one = merged(run.predictions["test"], by)  # type: ignore[arg-type]
            assert row.test is not None and row.test.accuracy.value == one.right.mean()
            assert row.test.accuracy.n == len(set(run.predictions["test"].patients)) == len(one)
        assert found.unit.by == by
        assert "patients, one decision a patient: " in comparison_sentences(found, names_in(found))[0]


def test_one_image_a_patient_changes_no_number(study: StudyFiles) -> None:
    def lone(side: Predictions) -> Predictions:
        return replace(side, patients=tuple(f"p {id_}" for id_ in side.ids))

    made = replace(
        study,
        runs=tuple(
            replace(run, predictions={k: lone(v) for k, v in run.predictions.items()}) for run in study.runs[:2]
        ),
    )
    here = compare_study(made, bootstrap=200)
    there = compare_study(made, judging=Judging(unit=Unit("patient")), bootstrap=200)
    assert replace(there, unit=here.unit) == here


def test_further_scores_stand_beside_it(study: StudyFiles) -> None:
    asking = Asking(ordered=True, positive="normal", at=0.8)
    found = compare_study(study, judging=Judging(asking=asking), bootstrap=200)
    assert found.asking == asking
    for row in found.runs:
        assert row.test is not None and not row.train.scores
        for scores in (row.val.scores, row.test.scores):
            assert list(scores) == [score.name for score in FURTHER]
            assert all(one is not None and one.low < one.high for one in scores.values())
    plain = compare_study(study, bootstrap=200)
    a, b = plain.runs[0].test, found.runs[0].test
    assert a and b and a.scores["f1"] != b.scores["f1"] and a.scores["mcc"] == b.scores["mcc"]
    assert "quadratic_kappa" not in a.scores


def test_a_study_of_runs_is_compared_in_seconds(tmp_path: Path) -> None:
    import time

    made = read_study(make_study(tmp_path / "study", runs=RUNS[:3], n_test=700, n_val=400))
    start = time.process_time()
    compare_study(made, judging=BALANCED, bootstrap=1000)
    assert time.process_time() - start < 20
