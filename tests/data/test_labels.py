"""One class an image or several labels: the rules, every kind of source, what is not clear, and splits of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heldout.data.entries import Draft, Entry, Layout
from heldout.data.examine.labels import asked_labels, labels_of
from heldout.data.load import examine, load
from heldout.data.memory import cohort_of_arrays
from heldout.data.splits import limit_per_class, make_split
from heldout.errors import InputError, UsageError
from heldout.records import Cohort
from heldout.records.labelling import SEVERAL, SINGLE
from tests.worlds.findings import FINDINGS, drawn, findings, write_npz


def draft(labels: Sequence[str]) -> Draft:
    return Draft("made", Path("/made"), tuple(Entry(f"{k}.png", label) for k, label in enumerate(labels)))


@pytest.mark.parametrize(
    ("labels", "kind", "separator", "expected"),
    [
        (["a", "b", "a|b", "a|c", "c", "No Finding"], None, "", "several"),
        (["a|b", "b|a", "a", "b"], None, "", "several"),
        (["a", "b"], None, "", "single"),
        (["a", "b", "No Finding"], "several", "", "several"),
        (["a", "a|b"], "several", "", "several"),
        (["a|b", "c", "c"], "single", "", "single"),
        (["a;b", "b;c", "a", "c"], None, "", "single"),
        (["a;b", "b;c", "a", "c"], None, ";", "several"),
        (["a;b", "a", "b"], None, "", "single"),
        (["a;b", "a", "b"], None, ";", "several"),  # one cell is enough where the sign was named
        (["a;b", "c", "c"], None, ";", "several"),
        (["A|B", "x", "y"], None, "", "asked"),  # one odd name
        (["A|B", "x", "y"], None, "|", "several"),  # a person said so
        (["A|B", "A|C", "x"], None, "", "asked"),  # B and C stand nowhere else
        (["GFP|DAPI", "GFP|DAPI", "none"], None, "", "asked"),
    ],
)
def test_names_in_a_cell_by_the_rule(labels: list[str], kind: str | None, separator: str, expected: str) -> None:
    told = labels_of(draft(labels), asked_labels(kind, separator))
    assert ("asked" if told.problems else told.kind) == expected
    if expected == "asked":
        assert "--labels several or --labels single" in told.problems[0].remedy
    if expected == "several":
        assert told.notes and all(entry.labels is not None for entry in told.entries)
    if expected == "single":
        assert [entry.label for entry in told.entries] == labels
        assert any(note.startswith("'a;b' is taken for a class") for note in told.notes) == ("a;b" in labels)
        assert any("--label-separator ';'" in note for note in told.notes) == ("a;b" in labels)


def test_a_cell_in_any_order_is_one_label_set_and_no_finding_is_none() -> None:
    told = labels_of(draft(["b|a", "a | b", "a", "b", "No Finding", ""]), asked_labels())
    assert told.classes == ("a", "b")
    assert [entry.label for entry in told.entries] == ["a|b", "a|b", "a", "b", "", ""]
    assert [entry.labelled for entry in told.entries] == [True] * 5 + [False], "an empty cell may be a gap"


def table(folder: Path, header: str, rows: Sequence[str]) -> Path:
    for k, image in enumerate(drawn(findings(len(rows), 3), 3)):
        Image.fromarray(image).save(folder / f"{k}.png")
    lines = [header, *(f"{k}.png,{row}" for k, row in enumerate(rows))]
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder / "table.csv"


HOT = ["1,0,0", "1,1,0", "0,0,1", "0,0,0", "0,1,1", "1,0,1", "0,1,0", "0,0,0"]


def test_columns_of_0_and_1_are_labels_where_there_is_nothing_else(tmp_path: Path) -> None:
    cohort = load(table(tmp_path, "path,disc,bar,stripes", HOT))
    assert (cohort.labels, cohort.classes, cohort.further) == ("several", FINDINGS, ())
    assert cohort.table["label"].tolist()[:4] == ["disc", "disc|bar", "stripes", ""]
    assert any("the columns disc, bar, stripes" in note for note in cohort.notes)


def test_a_cell_that_is_neither_0_nor_1_is_named_by_its_line(tmp_path: Path) -> None:
    data = table(tmp_path, "path,disc,bar,stripes", [*HOT[:-2], "2,0,1", "1,,0"])
    two, blank = examine(data).problems
    assert (two.where, two.found) == ("table.csv line 8", "'2' in the column disc")
    assert (blank.where, blank.found) == ("table.csv line 9", "nothing in the column bar")
    assert "--label-column disc,bar,stripes" in blank.remedy
    (named,) = examine(data, layout=Layout(label_column="disc,bar,stripes")).problems
    assert (named.where, named.found) == (two.where, two.found)


def test_columns_beside_others_have_to_be_named(tmp_path: Path) -> None:
    rows = [f"{row},{40 + k}" for k, row in enumerate(HOT)]
    data = table(tmp_path, "path,disc,bar,stripes,age", rows)
    (problem,) = examine(data).problems
    assert "--label-column disc,bar,stripes" in problem.remedy
    cohort = load(data, label_column=["Disc", "stripes"])
    assert (cohort.classes, cohort.further) == (("disc", "stripes"), ("bar", "age"))
    with pytest.raises(InputError, match="missing: edema"):
        load(data, label_column=["disc", "edema"])
    with pytest.raises(InputError, match="'40' in the column age"):
        load(data, label_column=["disc", "age"])


def test_one_hot_columns_are_one_class_or_several_labels_as_is_said(tmp_path: Path) -> None:
    data = table(tmp_path, "path,disc,bar", ["1,0", "0,1", "1,0", "0,1", "0,1", "1,0"])
    for single in (load(data), load(data, label_column="disc,bar"), load(data, labels="single")):
        assert (single.labels, single.classes) == ("single", ("disc", "bar"))
        assert any("exactly one of the columns disc, bar is 1" in note for note in single.notes)
    assert load(data, labels="several").labels == load(data, labels=asked_labels("several")).labels == "several"
    assert load(data, labels=None, label_separator=";").labels == "single"
    with pytest.raises(UsageError, match="found 'many'"):
        load(data, labels="many")
    with pytest.raises(InputError, match="without exactly one label"):
        load(table(tmp_path, "path,disc,bar,stripes", HOT), labels=asked_labels("single"))


def test_a_table_without_labels_still_says_which_column_is_missing(tmp_path: Path) -> None:
    (problem,) = examine(table(tmp_path, "path,age", ["40", "50"])).problems
    assert "missing: label" in problem.expected


def test_medmnists_layout_with_k_columns(tmp_path: Path) -> None:
    sizes = (16, 12, 12)
    cohort = load(write_npz(tmp_path / "chest.npz", sizes))
    assert (cohort.labels, cohort.classes, len(cohort)) == ("several", ("0", "1", "2"), 40)
    truth = np.concatenate([findings(n, seed) for seed, n in enumerate(sizes)])
    assert (cohort.labelling.truth(cohort.table["label"].tolist(), cohort.classes) == truth).all()
    cohort.save(tmp_path / "cohort.parquet")
    again = Cohort.load(tmp_path / "cohort.parquet")
    assert (again.labels, again.hash, again.classes) == (cohort.labels, cohort.hash, cohort.classes)
    arrays = dict(np.load(tmp_path / "chest.npz"))
    np.savez(tmp_path / "named.npz", label_names=np.array(FINDINGS), **arrays)
    assert load(tmp_path / "named.npz").classes == FINDINGS
    np.savez(tmp_path / "wrong.npz", **{**arrays, "val_labels": arrays["val_labels"] * 2})
    with pytest.raises(InputError, match="not all of them 0 or 1"):
        load(tmp_path / "wrong.npz")


def test_arrays_n_k_in_python() -> None:
    labels = findings(40, 0)
    cohort = cohort_of_arrays(drawn(labels, 0), labels, label_names=FINDINGS)
    assert (cohort.labels, cohort.classes) == ("several", FINDINGS)
    column = cohort_of_arrays(drawn(labels, 0), labels[:, :1])
    assert column.labels == "single", "(n, 1) is one class an image"
    with pytest.raises(InputError) as error:
        cohort_of_arrays(drawn(labels, 0), labels * 3, label_names=("a", "b"))
    assert {problem.where for problem in error.value.problems} == {"y", "label_names"}


def test_a_label_that_all_images_of_a_part_have_is_told(tmp_path: Path) -> None:
    arrays = dict(np.load(write_npz(tmp_path / "x.npz", (16, 12, 12))))
    arrays["val_labels"][:, 1] = 1
    np.savez(tmp_path / "y.npz", **arrays)
    found = examine(tmp_path / "y.npz").problems
    assert [(problem.where, "val" in problem.found) for problem in found] == [("label '1'", True)]


@pytest.mark.parametrize("patients", [False, True])
def test_a_drawn_split_gives_every_part_its_share_of_every_label_and_of_none(patients: bool) -> None:
    labels = findings(200, 7, shares=(0.5, 0.2, 0.04))
    who = [f"p{k // 2}" for k in range(200)] if patients else None
    cohort = cohort_of_arrays(drawn(labels, 7), labels, patient=who)
    split = make_split(cohort, 0.25, seed=1)
    assert "stratified by label" in split.method
    strata = SEVERAL.strata(cohort.table["label"].tolist(), cohort.classes)
    place = {id_: row for row, id_ in enumerate(cohort.table["id"])}
    assert strata.shape == (200, 4) and (strata.sum(axis=1) >= 1).all()
    for part, share in (("test", 0.2), ("val", 0.2), ("train", 0.6)):
        own = strata[[place[id_] for id_ in split.part(part)]].sum(axis=0)
        assert (np.abs(own - share * strata.sum(axis=0)) <= 2.1).all(), part
        assert (own > 0).all()
    owner = dict(zip(cohort.table["id"], cohort.table["patient"], strict=True))
    if patients:
        assert not {owner[id_] for id_ in split.train} & {owner[id_] for id_ in split.val}


def test_per_class_keeps_an_image_while_one_of_its_labels_is_not_full() -> None:
    labels = findings(120, 2)
    cohort = cohort_of_arrays(drawn(labels, 2), labels, split=["train"] * 120)
    kept = limit_per_class(cohort, 10, seed=0)
    counts = SEVERAL.strata(kept.table["label"].tolist(), cohort.classes).sum(axis=0)
    assert len(kept) < 60 and (counts >= 10).all()


def test_of_one_class_an_image_nothing_is_another_for_there_being_several_labels() -> None:
    assert SINGLE.truth(["b", "a|b"], ("a|b", "b")).tolist() == [1, 0]
    cohort = cohort_of_arrays(drawn(findings(6, 0), 0), ["a", "b"] * 3)
    assert cohort.hash == replace(cohort, labels="single").hash != replace(cohort, labels="several").hash


SOME = ("disc", "bar", "disc|bar", "No Finding")


def split_table(folder: Path, split_of_none: str, parts: Sequence[str]) -> Path:
    """Four images a part, one of them without any label; that of the first part stands in another one."""
    rows = [f"{cell},{part}" for part in parts for cell in SOME]
    rows[len(SOME) - 1] = f"{SOME[-1]},{split_of_none}"
    return table(folder, "path,label,split", rows)


def test_an_image_without_any_label_needs_a_split_as_others_do(tmp_path: Path) -> None:
    data = split_table(tmp_path, "", ("train", "train", "test"))
    found = [problem.found for problem in examine(data, labels=asked_labels("several")).problems]
    assert found == ["1 image without a split, beside images that have one"]
    split = make_split(load(split_table(tmp_path, "train", ("train", "train", "test")), labels="several"))
    assert len(split.train) + len(split.val) + len(split.test) == 12


def test_a_part_of_images_without_any_label_lacks_every_label(tmp_path: Path) -> None:
    data = split_table(tmp_path, "val", ("train", "test"))
    found = examine(data, labels=asked_labels("several")).problems
    assert [(problem.where, problem.found) for problem in found] == [
        (f"class '{label}'", "no image in validation (2 in train)") for label in ("bar", "disc")
    ]


def test_per_class_leaves_a_single_image_without_any_label_where_it_is() -> None:
    labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0], [0, 1]])
    cohort = cohort_of_arrays(drawn(np.pad(labels, ((0, 0), (0, 1))), 0), labels)
    assert limit_per_class(cohort, 10, seed=0) is cohort
    assert "" in set(limit_per_class(cohort, 1, seed=0).table["label"])
