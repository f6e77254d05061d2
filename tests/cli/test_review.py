"""`heldout review`: how far it is, and labels that the next command takes as they were written."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from heldout.cli import ExitStatus
from tests.cli.call import call
from tests.review.worlds import begun, diagnosed, read_all, truth_of


def test_a_review_from_nothing_to_labels_that_count(tmp_path: Path) -> None:
    study = diagnosed(tmp_path / "study")
    early = call("review", study.folder)
    assert (
        early.status == ExitStatus.USAGE
        and "heldout serve" in early.err
        and not (study.folder / "review.sqlite").exists()
    )
    store, (ada, ben) = begun(study)
    images, truth = len(store.snapshot().images), truth_of(study)
    read_all(store, ada, truth)
    assert "Ben has to read on." in call("review", study.folder).out
    assert call("review", study.folder, "--export", tmp_path / "none.csv").status == ExitStatus.USAGE
    read_all(store, ben, truth | {store.snapshot().images[0].id: None})
    told = call("review", study.folder, "--export", tmp_path / "r.csv", "--manifest", tmp_path / "m.csv")
    assert told.status == ExitStatus.OK, told.err
    assert f"{images - 1} agreed, 1 disputed" in told.out and "decide the 1 image on" in told.out
    assert "Cohen's kappa" in told.out and f"{images - 1} reviewed labels" in told.out
    data = json.loads(call("review", study.folder, "--json").out)
    (pair,) = data["agreement"]["pairs"]
    assert (pair["both"], pair["could_not_tell"], pair["same"]["value"]) == (images, 1, 1.0)
    assert data["people"][0] == {"name": "Ada", "role": "reader", "read": images, "total": images}
    corrected = pd.read_csv(tmp_path / "m.csv")
    assert len(corrected) == len(study.cohort) and (corrected["label"] != corrected["given_label"]).any()
    counted = call(
        "diagnose", study.folder, "--review", tmp_path / "r.csv", "--no-experiments", "--bootstrap", 200, "--json"
    )
    labels = next(one for one in json.loads(counted.out)["budget"] if one["term"] == "labels")
    assert labels["points"]["value"] > 2 and labels["points"]["n"] == images - 1


def test_a_diagnosis_that_leaves_reviewed_labels_out_says_how_to_count_them(tmp_path: Path) -> None:
    study = diagnosed(tmp_path / "study")
    store, (ada, ben) = begun(study)
    words = ("diagnose", study.folder, "--no-experiments", "--bootstrap", 200)
    read_all(store, ada, truth_of(study))
    assert "heldout review" not in call(*words).err, "one reader alone decides nothing"
    read_all(store, ben, truth_of(study))
    told = call(*words).err
    assert f"{len(store.snapshot().images)} test labels were reviewed and are not counted" in told
    assert f"heldout review {study.folder} --export" in told
    call("review", study.folder, "--export", tmp_path / "r.csv")
    assert "not counted" not in call(*words, "--review", tmp_path / "r.csv").err
