"""What leaves the review: labels that the diagnosis counts, and a manifest that a new study is made from."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from heldout.data.load import load
from heldout.diagnosis.diagnose import diagnose
from heldout.diagnosis.read import read_review
from heldout.errors import UsageError
from heldout.records import Diagnosis, Estimate, Metric, Split
from heldout.review.apply import apply_review, changes
from heldout.review.export import LABELS, REVIEWED, write_labels, write_manifest
from heldout.review.of_study import review_of
from heldout.review.snapshot import Snapshot
from heldout.review.store import Store
from heldout.review.verdicts import verdicts
from heldout.runs.folder import StudyFiles, read_study
from heldout.runs.one_label import of_label
from tests.review.worlds import begun, diagnosed, read_all, truth_of
from tests.worlds.made_labels import Plant, make_label_study


def labels_term(diagnosis: Diagnosis) -> Estimate:
    return next(one.points for one in diagnosis.budget if one.term == "labels")


def test_two_readers_move_the_label_term_and_the_given_labels_stay(tmp_path: Path) -> None:
    study = diagnosed(tmp_path / "study")
    files = ("cohort.parquet", "split.parquet", "study.json", f"runs/{study.runs[0].record.id}/predictions.parquet")
    given = {name: (study.folder / name).read_bytes() for name in files}
    truth = truth_of(study)
    store, (ada, ben) = begun(study)
    with pytest.raises(UsageError, match="no reviewed label"):
        apply_review(study)
    disputed = store.snapshot().images[0].id
    assert read_all(store, ada, truth) == read_all(store, ben, truth | {disputed: None}) == len(store.snapshot().images)
    (before,) = apply_review(study).values()
    (one,) = (v for v in verdicts(store.snapshot()) if v.label is None)
    assert one.image.id == disputed and before.after.review.keys() == {disputed}
    eve = store.join("Eve", "adjudicator")
    assert read_all(store, eve, truth) == 1
    (change,) = apply_review(read_study(study.folder)).values()
    assert change.before == before.before and change.current  # not what the first half of the review had said
    assert labels_term(change.before).value == 0 and labels_term(change.after).value > 2
    total = sum(one.points.value for one in change.after.budget)
    assert change.after.gap_points is not None and total == pytest.approx(change.after.gap_points.value, abs=1e-6)
    test = study.runs[0].predictions["test"]
    true = [study.cohort.classes[int(k)] == truth[id_] for id_, k in zip(test.ids, test.predicted, strict=True)]
    planted = 100 * (np.mean(true) - test.right.mean())
    found = labels_term(change.after)
    assert found.low <= planted <= found.high and not change.after.review
    assert {name: (study.folder / name).read_bytes() for name in files} == given
    store.undo(eve.number, store.snapshot().by_reader[eve.number][one.image.number].number)
    (later,) = changes(store, store.snapshot()).values()
    assert not later.current and later.after == change.after


@pytest.fixture
def half(study: StudyFiles) -> tuple[Store, Snapshot]:
    """Two readers, of whom one is half through."""
    review_of(study).path.unlink(missing_ok=True)
    store, (ada, ben) = begun(study)
    truth = truth_of(study)
    read_all(store, ada, truth)
    read_all(store, ben, truth, 9)
    return store, store.snapshot()


def test_labels_are_read_as_they_were_meant(study: StudyFiles, half: tuple[Store, Snapshot], tmp_path: Path) -> None:
    path = tmp_path / "reviewed.csv"
    assert write_labels(half[1], path) == 9
    table = pd.read_csv(path)
    assert tuple(table.columns) == LABELS and set(table["reader"]) <= {"Ada; Ben", "Ben; Ada"}
    read = read_review(path, study, {})
    truth = truth_of(study)
    assert len(read) == 9 and all(truth[id_] == label for id_, label in zip(read["id"], read["label"], strict=True))
    assert write_labels(half[1], path) == 9  # an earlier one is replaced, another file is not
    path.write_text("mine")
    with pytest.raises(UsageError, match="--overwrite"):
        write_labels(half[1], path)
    assert path.read_text() == "mine"


RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that is taken for a formula (OWASP, CSV injection)."""


def test_no_cell_of_what_is_exported_is_a_formula(study: StudyFiles, tmp_path: Path) -> None:
    """Names of readers, classes, files, patients and columns, which are read again as they were."""
    images = tmp_path / "images"
    columns = ["path", "label", "split", "patient", "site", "=1+1"]
    rows = [
        (f"@{part}{k}.png", label, part, f"+p{part}{k}", "-site", "=2+2")
        for part in ("train", "test")
        for k, label in enumerate(("=NORMAL", "ill"))
    ]
    images.mkdir()
    for seed, row in enumerate(rows):
        Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 40), dtype=np.uint8)).save(images / row[0])
    pd.DataFrame(rows, columns=columns).to_csv(images / "given.csv", index=False)
    cohort = load(str(images / "given.csv"))
    by_part = cohort.table.groupby("split")["id"].apply(tuple)
    split = Split(by_part["train"], (), by_part["test"], method="given", seed=None, grouped=True)
    store = Store(tmp_path / "review.sqlite", cohort.hash, split.hash, cohort.classes)
    store.begin(by_part["test"])
    given = dict(zip(cohort.table["id"], cohort.table["label"], strict=True))
    for name in ('=HYPERLINK("//example.org")', "@Ben"):
        read_all(store, store.join(name), given)
    files = replace(study, cohort=cohort, split=split)
    labels, manifest = tmp_path / "reviewed.csv", tmp_path / "corrected.csv"
    assert write_labels(store.snapshot(), labels) == 2 and write_manifest(files, store.snapshot(), manifest) == 0
    for path in (labels, manifest):
        with path.open(newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert sum(cell.startswith("'") for cell in cells) > 2
        assert [cell for cell in cells if cell.startswith(RUN_BY_SPREADSHEETS)] == []
    read = read_review(labels, files, {})
    assert dict(zip(read["id"], read["label"], strict=True)) == {id_: given[id_] for id_ in by_part["test"]}
    again = load(str(manifest), images=str(images))
    assert again.hash == cohort.hash and "=1+1" in again.further
    for column in ("source", "label", "patient", "site", "=1+1"):
        assert again.table[column].tolist() == cohort.table[column].tolist()


def test_the_manifest_makes_a_study_of_the_corrected_labels(half: tuple[Store, Snapshot], tmp_path: Path) -> None:
    """Files, and rows of an array; a column that an earlier manifest left is kept under another name."""
    images = tmp_path / "images"
    rng = np.random.default_rng(0)
    rows = []
    for split, label, number in (("train", "normal", 4), ("train", "pneumonia", 4), ("test", "normal", 2)):
        (images / split).mkdir(parents=True, exist_ok=True)
        for i in range(number):
            path = images / split / f"{label}{i}.png"
            Image.fromarray(rng.integers(0, 255, (40, 40), dtype=np.uint8)).save(path)
            rows.append((f"{split}/{label}{i}.png", label, split, f"p{label}{i}", "", "0", "f"))
    np.save(images / "test" / "block.npy", rng.integers(0, 255, (2, 40, 40), dtype=np.uint8))
    rows += [("test/block.npy", "pneumonia", "test", f"pb{row}", row, "1", "m") for row in range(2)]
    columns = ["path", "label", "split", "patient", "row", "given_label", "sex"]
    pd.DataFrame(rows, columns=columns).to_csv(images / "given.csv", index=False)
    cohort = load(str(images / "given.csv"))
    by_part = cohort.table.groupby("split")["id"].apply(tuple)
    split = Split(by_part["train"], (), by_part["test"], method="given", seed=None, grouped=True)
    block = cohort.table.loc[cohort.table["row"] == 1, "id"].iloc[0]
    store = Store(tmp_path / "review.sqlite", cohort.hash, split.hash, cohort.classes)
    store.begin(by_part["test"])
    given = dict(zip(cohort.table["id"], cohort.table["label"], strict=True))
    for name in ("Ada", "Ben"):
        read_all(store, store.join(name), given | {block: "normal"})
    files = replace(read_study(half[0].path.parent), cohort=cohort, split=split)
    path = tmp_path / "corrected.csv"
    assert write_manifest(files, store.snapshot(), path) == 1
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert (table["given_label"] == [given[id_] for id_ in table["id"]]).all()
    assert set(REVIEWED) <= set(table.columns) and sorted(table["earlier_given_label"]) == ["0"] * 10 + ["1"] * 2
    assert list(table.loc[table["verdict"] == "agreed", "id"].sort_values()) == sorted(by_part["test"])
    again = load(str(path), images=str(images))
    assert again.table["id"].tolist() == cohort.table["id"].tolist()
    assert again.table["split"].tolist() == cohort.table["split"].tolist()
    differs = [id_ for id_, label in zip(again.table["id"], again.table["label"], strict=True) if label != given[id_]]
    assert differs == [block]


def test_each_of_several_labels_has_a_review_of_its_own(tmp_path: Path) -> None:
    whole = read_study(make_label_study(tmp_path / "study", [Plant(label=0, flips=0.2)]))
    first, other = (of_label(whole, name) for name in whole.cohort.classes[:2])
    diagnose(first, bootstrap=200, metric=Metric("balanced-accuracy"))
    store, readers = begun(first)
    given = dict(zip(first.cohort.table["id"], first.cohort.table["label"], strict=True))
    for reader in readers:
        read_all(store, reader, given)
    assert store.path.parent == first.diagnoses and store.classes == first.cohort.classes
    (change,) = apply_review(first).values()
    assert change.after.label == first.label and change.after.metric == change.before.metric == Metric(
        "balanced-accuracy"
    )
    assert labels_term(change.after).value == 0 and labels_term(change.after).n == len(store.snapshot().images)
    assert not review_of(other).begun and not (whole.folder / "review.sqlite").exists()
    with pytest.raises(UsageError, match="heldout diagnose"):
        begun(other)
