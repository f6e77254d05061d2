"""The words of the first screen against planted truths."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from heldout.records import Estimate
from heldout.report._answer import answer, gap_sentence
from heldout.report._material import Material, gather
from tests.report.studies import drop_run
from tests.worlds.made_study import Planted, make_study


def with_gap(material: Material, value: float, low: float, high: float) -> str:
    run = material.tested[0]
    row = dataclasses.replace(run.row, gap_points=Estimate(value, low, high, 100, "made"))
    return gap_sentence(dataclasses.replace(run, row=row))


def test_the_best_run_is_named_with_its_number_and_interval(four: Material) -> None:
    said = answer(four).sentences
    best = max(four.comparison.runs, key=lambda row: row.test.accuracy.value if row.test else 0)
    assert best.test is not None
    assert len(said) == 2
    assert said[0].startswith(f"The best test accuracy is {100 * best.test.accuracy.value:.1f} %")
    assert f"95 % interval {100 * best.test.accuracy.low:.1f} to {100 * best.test.accuracy.high:.1f} %" in said[0]
    assert "120 images" in said[0]
    assert "efficientnet_lite1 (frozen)" in said[0]


def test_the_words_follow_the_verdicts(four: Material) -> None:
    said = answer(four).sentences[0]
    best = four.tested[0].row.id
    for pair in four.comparison.pairs:
        if best in (pair.a, pair.b):
            other = four.run(pair.b if pair.a == best else pair.a).spoken
            apart, _, alike = said.partition("not distinguishable")
            assert other in (apart if pair.verdict == "distinguishable" else alike)


def test_equal_runs_are_not_distinguishable(tmp_path: Path) -> None:
    runs = [Planted(f"model{i}", "frozen", 0, 0.99, 0.9, 0.8) for i in range(3)]
    said = answer(gather(make_study(tmp_path / "s", runs=runs))).sentences[0]
    assert "not distinguishable from any of the 2 other runs" in said
    assert "told apart" not in said


def test_a_run_far_ahead_can_be_told_apart(tmp_path: Path) -> None:
    runs = [Planted("good", "frozen", 0, 0.99, 0.95, 0.95), Planted("bad", "frozen", 0, 0.99, 0.6, 0.55)]
    said = answer(gather(make_study(tmp_path / "s", runs=runs))).sentences[0]
    assert "it can be told apart from the other run" in said


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (8.9, 5.1, 12.7, ["8.9 points below", "5.1 to 12.7 points", "promised more than the test set kept"]),
        (2.0, -1.0, 5.0, ["2.0 points below", "−1.0 to 5.0 points", "not distinguishable from no gap"]),
        (-2.0, -5.0, 1.0, ["2.0 points above", "−1.0 to 5.0 points", "not distinguishable from no gap"]),
        (-6.0, -9.0, -3.0, ["6.0 points above", "3.0 to 9.0 points", "easier"]),
    ],
)
def test_the_gap_in_words(four: Material, value: float, low: float, high: float, words: list[str]) -> None:
    said = with_gap(four, value, low, high)
    assert all(word in said for word in words), said


def test_without_a_test_set_it_says_so_and_judges_on_validation(tmp_path: Path) -> None:
    said = " ".join(answer(gather(make_study(tmp_path / "s", n_test=0))).sentences)
    assert "no test set" in said
    assert "97.0 %" in said and "efficientnet_lite1 (finetune)" in said


def test_warnings_appear_where_they_apply_and_only_there(tmp_path: Path, four: Material, evil: Material) -> None:
    clean = " ".join(answer(evil).warnings)
    assert "one seed" not in clean and "Patients are not known" not in clean and "both training" not in clean
    assert "one seed" in " ".join(answer(four).warnings)
    unknown = gather(make_study(tmp_path / "a", patients=False))
    assert "Patients are not known" in " ".join(answer(unknown).warnings)
    folder = make_study(tmp_path / "b")
    drop_run(folder, 1)
    assert "1 planned run is not finished" in " ".join(answer(gather(folder)).warnings)


def test_a_patient_on_both_sides_is_named(four: Material) -> None:
    table = four.cohort.table.copy()
    train = table.loc[table["split"] == "train", "patient"].iloc[0]
    table.loc[table.index[table["split"] == "val"][:1], "patient"] = train
    leaky = dataclasses.replace(four, cohort=dataclasses.replace(four.cohort, table=table))
    assert "1 patient has images in both training and validation" in " ".join(answer(leaky).warnings)
    assert "both training" not in " ".join(answer(four).warnings)


def test_what_was_not_verified_as_frozen_is_said(four: Material) -> None:
    run = next(run for run in four.runs if run.row.frozen.verified)
    frozen = dataclasses.replace(run.row.frozen, verified=False, detail="3 buffers moved")
    broken = dataclasses.replace(run, row=dataclasses.replace(run.row, frozen=frozen))
    runs = tuple(broken if other is run else other for other in four.runs)
    assert "3 buffers moved" in " ".join(answer(dataclasses.replace(four, runs=runs)).warnings)


def test_the_run_that_validation_would_have_chosen_is_a_fact(four: Material) -> None:
    facts = {label: (value, detail) for label, value, detail in answer(four).facts}
    value, detail = facts["Chosen by validation"]
    assert "efficientnet_lite1 (finetune)" in detail  # planted: best validation, worst test
    assert value == "75.0 %"
