"""Sentences are those that the records support: what no record holds is asked for, and is never said."""

from __future__ import annotations

import ast
import dataclasses
import re
from functools import cache
from pathlib import Path

import pytest

import heldout.paper
from heldout.paper import checklist as lists
from heldout.paper.checklist import Checklist, Item, answered
from heldout.paper.document import OPEN
from heldout.paper.references import REFERENCES
from heldout.paper.statement import Statement
from heldout.paper.statements import topics
from heldout.paper.write import by_key, statements
from heldout.records import Split
from heldout.report.material import Material, gather
from heldout.strategies import strategies
from tests.given.test_study import study_of
from tests.worlds.given_tables import made_table
from tests.worlds.made_labels import make_label_study

Said = dict[str, list[Statement]]

FOLDER = Path(heldout.paper.__file__).parent


def said(material: Material) -> Said:
    found = {key: list(own) for key, own in by_key(statements(material)).items()}
    assert not [key for key in found if key.endswith(".failed")], found
    return found


def text(told: Said, key: str) -> str:
    return " ".join(sentence for one in told[key] for sentence, _ in one.sentences)


def splits(material: Material, split: Split) -> Material:
    return dataclasses.replace(material, files=dataclasses.replace(material.files, split=split))


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """A model of which nothing but tables of answers is known."""
    files = study_of(tmp_path_factory.mktemp("given") / "study", made_table("val"), made_table("test"))
    return gather(files.folder)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return gather(make_label_study(tmp_path_factory.mktemp("labels") / "study"))


def test_every_file_of_statements_is_on_the_shelf() -> None:
    files = {path.stem for path in (FOLDER / "statements").glob("*.py")} - {"__init__"}
    assert {topic.name for topic in topics} == files


def test_numbers_are_those_of_the_records(told: Material) -> None:
    found = said(told)
    table, split = told.cohort.table, told.split
    assert f"{len(table):,} images of {table['patient'].nunique()} patients" in text(found, "data.counts")
    for name, n in table["label"].value_counts().items():
        assert f"{name}: {n}" in text(found, "data.counts")
    assert f"test {len(split.test)} images" in text(found, "split.sizes")
    best = told.ranked[0]
    assert best.test is not None
    assert f"{100 * best.test.accuracy.value:.1f} % (95 % interval" in text(found, "results.performance")
    (diagnosis,) = [told.featured]
    assert diagnosis is not None and f"{diagnosis.bootstrap:,} bootstrap samples" in text(found, "diagnosis.budget")


def test_whether_patients_cross_is_counted_and_not_believed(four: Material) -> None:
    assert "disjoint by patient" in text(said(four), "split.level")
    split = four.split
    torn = dataclasses.replace(split, train=split.train[1:], val=(*split.val, split.train[0]), grouped=True)
    assert "shared no image, but 1 patient" in text(said(splits(four, torn)), "split.level")
    table = four.cohort.table.assign(patient="")
    cohort = dataclasses.replace(four.cohort, table=table)
    found = said(dataclasses.replace(four, files=dataclasses.replace(four.files, cohort=cohort)))
    assert OPEN in text(found, "split.level") and "disjoint" not in text(found, "split.level")
    assert "patients" not in found["data.counts"][0].known and "number of patients" in found["data.counts"][0].gap


def test_what_a_run_did_not_write_down_is_asked_for(four: Material) -> None:
    bare = dataclasses.replace(four, environments={id_: {} for id_ in four.environments})
    assert said(bare)["software.versions"][0].gap and "software.hardware" not in said(bare)
    approach = said(four)["training.approach"][0]
    assert "recorded settings epochs 12" in approach.known and approach.gap, (
        "settings of today's defaults are not the run's"
    )
    assert "weight decay" not in approach.known and "training.imbalance" not in said(four)


def test_whole_settings_are_told_in_words(four: Material) -> None:
    chosen = {"finetune": strategies.get("finetune"), "frozen": strategies.get("frozen")}
    runs = tuple(
        dataclasses.replace(
            run,
            recipe=dataclasses.replace(
                run.recipe,
                settings={
                    **dataclasses.asdict(chosen[run.record.strategy]()),  # type: ignore[call-overload,operator]
                    "epochs": 7,
                    "lr": 0.004,
                    "augment": "flips",
                    "class_weights": "balanced",
                },
            ),
        )
        for run in four.files.runs
    )
    found = said(dataclasses.replace(four, files=dataclasses.replace(four.files, runs=runs)))
    told = text(found, "training.approach")
    assert "all parameters learned for 7 epochs, AdamW, learning rate 0.004, weight decay 0.01, batches of 32" in told
    assert "the head alone learned for 7 epochs" in told and OPEN not in told
    assert "loshchilov2019" in found["training.approach"][0].cites
    assert "inversely to their frequency" in text(found, "training.imbalance")
    assert "flipped and turned" in text(found, "preprocessing.augmentation")


def test_of_a_given_model_nothing_is_said_of_its_training(given: Material) -> None:
    found = said(given)
    assert not [key for key in found if key.startswith(("training.", "preprocessing.", "data.formats", "data.copies"))]
    assert found["models.given"][0].gap and "models.initial" not in found
    assert found["evaluation.test-evaluations"][0].known == ""
    assert found["evaluation.threshold"][0].gap


def test_several_labels_have_sentences_of_their_own(labelled: Material) -> None:
    found = said(labelled)
    assert "specificity" in text(found, "results.by-class") and "set on validation" in text(
        found, "evaluation.threshold"
    )
    assert "results.errors" not in found and "mean AUC" in text(found, "evaluation.metrics")


def test_folds_are_told(crossed: Material) -> None:
    found = said(crossed)
    assert "3 folds" in text(found, "split.folds") and "nadeau2003" in found["evaluation.fold-tests"][0].cites
    assert "varma2006" in found["evaluation.nested"][0].cites and "all folds" in text(found, "training.ensemble")


def test_hostile_studies_and_all_sources(evil: Material) -> None:
    found = said(evil)
    assert "1 file could not be used" in text(found, "data.excluded").replace("files", "file")
    cites = {key for own in found.values() for one in own for key in one.cites}
    assert cites and cites <= REFERENCES.keys()


def test_a_broken_topic_asks_and_does_not_sink_the_paper(four: Material) -> None:
    broken = dataclasses.replace(four, names={})
    told = dict((topic.name, own) for topic, own in statements(broken))
    assert told["training"][0].known == "" and "could not be made" in told["training"][0].gap
    assert told["data"][0].key == "data.source"


# The checklists


@cache
def stated() -> set[str]:
    """Keys that any topic can state, read from their source."""
    found = set()
    for path in (FOLDER / "statements").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            word = node.value if isinstance(node, ast.Constant) else None
            if isinstance(word, str) and re.fullmatch(rf"{path.stem}\.[a-z-]+", word):
                found.add(word)
    return found


CHECKLISTS = lists.checklists()


@pytest.mark.parametrize("one", CHECKLISTS, ids=lambda one: one.slug)
def test_a_checklist_is_whole(one: Checklist) -> None:
    mains = list(dict.fromkeys(re.sub(r"[a-z]$", "", item.number) for item in one.items))
    assert mains == [
        str(number) for number in range(1, {"claim-2024": 44, "tripod-ai": 27, "stard-ai": 40}[one.slug] + 1)
    ]
    assert one.source in REFERENCES
    for item in one.items:
        assert item.topic and item.section and (item.write or item.also), item.number
        assert set(item.needs) <= stated(), f"{item.number}: no topic states {set(item.needs) - stated()}"


def test_files_that_are_off_are_refused(tmp_path: Path) -> None:
    head = 'name = "N"\ntitle = "T"\nsource = "tejani2024"\ncount = 2\n'
    row = '[[items]]\nnumber = "1"\nsection = "S"\ntopic = "T"\nwrite = "W"\n'
    (tmp_path / "a.toml").write_text(head + row + row)
    with pytest.raises(Exception, match="found 1 rows"):
        lists.read(tmp_path / "a.toml")
    (tmp_path / "b.toml").write_text(head + row + row.replace('"1"', '"2"').replace("write", "filled"))
    with pytest.raises(Exception, match="fields filled"):
        lists.read(tmp_path / "b.toml")


@pytest.mark.parametrize("one", CHECKLISTS, ids=lambda one: one.slug)
def test_no_item_is_filled_but_by_what_the_records_say(one: Checklist, told: Material, given: Material) -> None:
    for material in (told, given):
        found = said(material)
        for item in one.items:
            row = answered(item, found)
            if row.status == "open":
                assert not row.said and row.left
                continue
            assert row.said and all(own in found[own.key] and own.known for own in row.said)
            assert (row.status == "filled") == (not row.left)
            if row.status == "filled":
                assert not any(own.gap for own in row.said)
                for key in item.needs:  # without any one of its statements it is filled no more
                    rest = {name: own for name, own in found.items() if name != key}
                    assert answered(item, rest).status != "filled"


def test_what_nobody_told_of_a_model_fills_nothing(given: Material) -> None:
    found = said(given)
    claim = next(one for one in CHECKLISTS if one.slug == "claim-2024")
    status = {item.number: answered(item, found).status for item in claim.items}
    assert {status[number] for number in ("9", "22", "24", "25", "26", "27")} == {"open"}
    assert status["29"] == "filled" and status["20"] == "filled"


def test_the_status_follows_from_statements_alone() -> None:
    item = Item("1", "S", "T", ("a.x", "a.y"), "", "Write it.")
    x, y = Statement("a.x", "X."), Statement("a.y", "Y.")
    assert answered(item, {"a.x": [x], "a.y": [y]}).status == "filled"
    partly = answered(item, {"a.x": [x]})
    assert (partly.status, partly.left) == ("partly", ("Write it.",))
    assert answered(item, {"a.x": [x], "a.y": [Statement("a.y", "Y.", "who")]}).left == ("who",)
    assert answered(item, {"a.x": [Statement("a.x", gap="who")]}).status == "open"
    assert answered(item, {}).left == ("Write it.",)
    also = dataclasses.replace(item, also="And that.")
    assert answered(also, {"a.x": [x], "a.y": [y]}).status == "partly"
    with pytest.raises(ValueError, match="neither says"):
        Statement("a.x")
