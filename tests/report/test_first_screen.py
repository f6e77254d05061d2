"""The first screen: what to know before believing the answer, and the few figures beside it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from heldout.answer import best_run, comparison_sentences
from heldout.report.first_screen import answer
from heldout.report.material import Material, gather
from tests.report.studies import drop_run
from tests.worlds.made_study import make_study


def test_the_sentences_are_those_of_the_terminal(four: Material) -> None:
    assert answer(four).sentences == comparison_sentences(four.comparison, four.names)


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
    files = dataclasses.replace(four.files, cohort=dataclasses.replace(four.cohort, table=table))
    leaky = dataclasses.replace(four, files=files)
    assert "1 patient has images in both training and validation" in " ".join(answer(leaky).warnings)
    assert "both training" not in " ".join(answer(four).warnings)


def test_what_was_not_verified_as_frozen_is_said(four: Material) -> None:
    run = next(row for row in four.runs if row.frozen.verified)
    frozen = dataclasses.replace(run.frozen, verified=False, detail="3 buffers moved")
    broken = dataclasses.replace(run, frozen=frozen)
    runs = tuple(broken if other is run else other for other in four.runs)
    comparison = dataclasses.replace(four.comparison, runs=runs)
    assert "3 buffers moved" in " ".join(answer(dataclasses.replace(four, comparison=comparison)).warnings)


def test_the_run_that_validation_would_have_chosen_is_a_fact(four: Material) -> None:
    facts = {label: (value, detail) for label, value, detail in answer(four).facts}
    value, detail = facts["Chosen by validation"]
    assert "efficientnet_lite1 (finetune)" in detail  # planted: best validation, worst test
    assert value == "75.0 %"
    best = best_run(four.comparison)
    assert facts["Best on test"][0] == f"{100 * best.accuracy.value:.1f} %"
