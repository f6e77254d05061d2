"""The first screen: what to know before believing the answer, and the few figures beside it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from heldout.answer import best_run, comparison_sentences
from heldout.report.first_screen import CautionKind, answer, cautions
from heldout.report.material import Material, gather
from tests.report.studies import drop_run
from tests.worlds.made_study import make_study


def test_the_sentences_are_those_of_the_terminal(four: Material) -> None:
    assert answer(four).sentences == comparison_sentences(four.comparison, four.names)


def kinds(material: Material) -> list[CautionKind]:
    return [one.kind for one in cautions(material)]


def test_cautions_appear_where_they_apply_and_only_there(tmp_path: Path, four: Material, evil: Material) -> None:
    assert kinds(evil) == [CautionKind.BEST_OF_MANY]
    assert kinds(four) == [CautionKind.BEST_OF_MANY, CautionKind.ONE_SEED]
    assert answer(four).warnings == tuple(one.text for one in cautions(four))
    unknown = gather(make_study(tmp_path / "a", patients=False))
    assert CautionKind.PATIENTS_UNKNOWN in kinds(unknown)
    folder = make_study(tmp_path / "b")
    drop_run(folder, 1)
    assert kinds(gather(folder))[0] is CautionKind.UNFINISHED


def test_a_patient_on_both_sides_is_told(four: Material) -> None:
    table = four.cohort.table.copy()
    train = table.loc[table["split"] == "train", "patient"].iloc[0]
    table.loc[table.index[table["split"] == "val"][:1], "patient"] = train
    files = dataclasses.replace(four.files, cohort=dataclasses.replace(four.cohort, table=table))
    (shared,) = [
        one for one in cautions(dataclasses.replace(four, files=files)) if one.kind is CautionKind.PATIENTS_SHARED
    ]
    assert "1 patient has images in both training and validation" in shared.text


def test_what_was_not_verified_as_frozen_is_told(four: Material) -> None:
    run = next(row for row in four.runs if row.frozen.verified)
    broken = dataclasses.replace(run, frozen=dataclasses.replace(run.frozen, verified=False, detail="3 buffers moved"))
    runs = tuple(broken if other is run else other for other in four.runs)
    found = cautions(dataclasses.replace(four, comparison=dataclasses.replace(four.comparison, runs=runs)))
    assert [one.kind for one in found][-1] is CautionKind.NOT_FROZEN and found[-1].text.endswith("3 buffers moved")


def test_the_run_that_validation_would_have_chosen_is_a_fact(four: Material) -> None:
    facts = {label: (value, detail) for label, value, detail in answer(four).facts}
    value, detail = facts["Chosen by validation"]
    assert "efficientnet_lite1 (finetune)" in detail  # planted: best validation, worst test
    assert value == "75.0 %"
    best = best_run(four.comparison)
    assert facts["Best on test"][0] == f"{100 * best.score.value:.1f} %"
