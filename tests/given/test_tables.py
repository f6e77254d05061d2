"""Tables read: columns found, parts told, the order of rows without effect, and all problems at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heldout.errors import InputError, Problem
from heldout.given.answers import faults, look_like_probabilities, to_logits
from heldout.given.columns import ClassColumns, find_class_columns, order
from heldout.given.reading import Reading
from heldout.given.rows import Source
from heldout.given.tables import GivenTables, read_given
from heldout.stats.scores import softmax
from tests.worlds.given_tables import CLASSES, made_table

PROBABILITIES = Reading("probabilities")


def read(*tables: pd.DataFrame | Path, reading: Reading = PROBABILITIES, parts: tuple[str, ...] = ()) -> GivenTables:
    parts = parts or (("",) if len(tables) == 1 else ("val", "test"))
    return read_given([Source(t, p, f"table{n}") for n, (t, p) in enumerate(zip(tables, parts, strict=True))], reading)


def both(**changes: object) -> pd.DataFrame:
    return pd.concat([made_table("val"), made_table("test")], ignore_index=True).assign(**changes)


def problems(*tables: pd.DataFrame | Path, reading: Reading = PROBABILITIES) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        read(*tables, reading=reading)
    return caught.value.problems


def test_one_table_with_a_split_or_two_in_their_order() -> None:
    one = read(both())
    two = read(made_table("val").drop(columns="split"), made_table("test").drop(columns="split"))
    assert one.classes == two.classes == CLASSES
    pd.testing.assert_frame_equal(one.images, two.images)
    for part in ("val", "test"):
        np.testing.assert_array_equal(one.runs[0].logits[part], two.runs[0].logits[part])
    assert set(one.images["split"]) == {"val", "test"} and "device" in one.images


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_files_say_what_frames_say(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"all.{kind}"
    if kind == "parquet":
        both().to_parquet(file)
    else:
        both().to_csv(file, index=False, sep="\t" if kind == "tsv" else ",")
    found, expected = read(file), read(both())
    pd.testing.assert_frame_equal(found.images, expected.images)
    np.testing.assert_array_equal(found.runs[0].logits["test"], expected.runs[0].logits["test"])


@given(st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_the_order_of_rows_changes_nothing(random: object) -> None:
    rows = list(range(120))
    random.shuffle(rows)  # type: ignore[attr-defined]
    found, expected = read(both().iloc[rows].reset_index(drop=True)), read(both())
    pd.testing.assert_frame_equal(found.images, expected.images)
    for part in ("val", "test"):
        np.testing.assert_array_equal(found.runs[0].logits[part], expected.runs[0].logits[part])


@pytest.mark.parametrize("form", ["prob_{}", "probability_{}", "p_{}", "p({})", "{}", "PROB_{}"])
def test_usual_names_of_the_classes_columns(form: str) -> None:
    table = both().rename(columns={f"prob_{name}": form.format(name) for name in CLASSES})
    np.testing.assert_array_equal(read(table).runs[0].logits["val"], read(both()).runs[0].logits["val"])


def test_another_name_is_said_as_a_pattern() -> None:
    table = both().rename(columns={f"prob_{name}": f"net1_{name}_score" for name in CLASSES})
    assert any("one column a class" in problem.expected for problem in problems(table))
    found = read(table, reading=Reading("probabilities", class_columns="net1_*_score"))
    assert found.classes == CLASSES and len(found.runs) == 1


def test_a_class_without_an_image_is_known_by_its_column() -> None:
    kept = both()[lambda table: table["label"] != "wart"].reset_index(drop=True)
    assert read(kept).classes == CLASSES
    numbers = find_class_columns(["p_10", "p_2", "p_x"], {"10", "2"}, "probabilities", "", set(), "t")
    assert isinstance(numbers, ClassColumns) and set(numbers.classes) == {"10", "2", "x"}
    assert order(["10", "9", "2"]) == ("2", "9", "10")


def logits_without_images_of_wart(form: str = "{}") -> pd.DataFrame:
    """The model answers `wart` to a third of the images, and no image is one."""
    table = both()[lambda table: table["label"] != "wart"].reset_index(drop=True)
    answers = {form.format(name): np.log(table.pop(f"prob_{name}")) for name in CLASSES}
    answers[form.format("wart")] = np.where(np.arange(len(table)) % 3, -9.5, 9.5)
    return table.assign(**answers)


def test_logits_under_bare_names_do_not_lose_a_class_without_an_image() -> None:
    """Read before as a model of two classes, so that every answer "wart" became another."""
    (problem,) = problems(logits_without_images_of_wart(), reading=Reading("logits"))
    assert "numbers under wart" in problem.found and "logit_cyst" in problem.remedy
    broken = logits_without_images_of_wart().astype({"wart": object})
    broken.loc[3, "wart"] = np.nan
    assert "numbers under wart" in problems(broken, reading=Reading("logits"))[0].found
    named = read(logits_without_images_of_wart("logit_{}"), reading=Reading("logits"))
    assert named.classes == CLASSES
    assert (named.runs[0].logits["val"].argmax(axis=1) == CLASSES.index("wart")).mean() > 0.3


def test_columns_that_are_no_logits_stand_beside_logits_under_bare_names() -> None:
    table = logits_without_images_of_wart().drop(columns="wart").assign(age=40, prob_cyst=0.5)
    found = read(table, reading=Reading("logits"))
    assert found.classes == ("cyst", "naevus") and set(found.images["age"]) == {"40"}


def test_labels_that_went_through_floats_are_those_of_the_columns() -> None:
    table = both().rename(columns={f"prob_{name}": f"prob_{k}" for k, name in enumerate(CLASSES)})
    table["label"] = [float(CLASSES.index(name)) for name in table["label"]]
    assert read(table).classes == ("0", "1", "2")
    assert set(read(table).images["label"]) == {"0", "1", "2"}


def test_images_are_called_by_id_else_path_else_number() -> None:
    by_path = read(both().rename(columns={"id": "path"}))
    assert by_path.images["path"][0] == by_path.images["id"][0]
    bare = read(both().drop(columns="id"))
    assert list(bare.images["id"][bare.images["split"] == "val"])[:1] == ["val-1"]
    assert any("number of their row" in note for note in bare.notes)


def test_several_models_and_seeds_are_several_runs() -> None:
    tables = [
        pd.concat([made_table("val", seed=n), made_table("test", seed=n)]).assign(net=name, seed=seed)
        for n, (name, seed) in enumerate([("b", 0), ("a", 0), ("a", 1)])
    ]
    found = read(pd.concat(tables, ignore_index=True), reading=Reading("probabilities", model_column="net"))
    assert [(run.name, run.seed) for run in found.runs] == [("a", 0), ("a", 1), ("b", 0)]
    assert len(found.images) == 120
    lacking = pd.concat(tables, ignore_index=True).drop(index=3)
    (problem,) = problems(lacking, reading=Reading("probabilities", model_column="net"))
    assert "model 'b', val" in problem.where and "no row for 1" in problem.found


@pytest.mark.parametrize(("written", "seed"), [("1.0", 1), ("01", 1), ("3", 3), ("", 0), ("-2.0", -2)])
def test_a_seed_is_a_number_however_it_is_written(tmp_path: Path, written: str, seed: int) -> None:
    """`1.0`, as a column of floats is written, ended before in a ValueError."""
    file = tmp_path / "all.csv"
    both(seed=written).to_csv(file, index=False)
    assert [run.seed for run in read(file).runs] == [seed]
    mixed = both(seed=written)
    mixed.loc[mixed.index % 2 == 1, "seed"] = str(seed)
    (run,) = read(mixed).runs
    assert run.seed == seed and len(run.logits["val"]) == 60
    found = problems(pd.concat([both(seed=written), both(seed=str(seed))], ignore_index=True))
    assert len(found) == 1 and "twice" in found[0].found, "the same seed twice is no second run"


def epochs(chosen_rows: bool = False) -> pd.DataFrame:
    tables = [
        pd.concat([made_table("val", strength=s, seed=e), made_table("test", strength=t, seed=e)]).assign(epoch=e)
        for e, s, t in ((1, 0.5, 3.0), (2, 3.0, 1.0), (10, 1.0, 0.2))
    ]
    return pd.concat(tables, ignore_index=True)


@pytest.mark.parametrize(("on", "best"), [("val", "epoch=2"), ("test", "epoch=1")])
def test_the_model_is_the_candidate_that_was_best_where_it_was_chosen(on: str, best: str) -> None:
    (run,) = read(epochs(), reading=Reading("probabilities", chosen_on=on)).runs  # type: ignore[arg-type]
    assert run.chosen is not None and (run.chosen.name, run.chosen.on) == (best, on)
    assert (run.chosen.among, run.chosen.choice) == (3, "epoch")
    kept = run.candidates
    assert list(dict.fromkeys(kept["variant"])) == ["epoch=1", "epoch=2", "epoch=10"]
    assert list(kept.columns) == ["id", "split", "variant", "logit_0", "logit_1", "logit_2"]
    mine = kept[(kept["variant"] == best) & (kept["split"] == "test")]
    np.testing.assert_array_equal(mine[["logit_0", "logit_1", "logit_2"]].to_numpy(), run.logits["test"])


def test_which_candidate_it_is_is_said_and_not_guessed() -> None:
    (problem,) = problems(epochs())
    assert "--chosen-on val" in problem.remedy
    (run,) = read(epochs(), reading=Reading("probabilities", chosen="10")).runs
    assert run.chosen is not None and (run.chosen.name, run.chosen.on) == ("epoch=10", "")
    assert "epoch=1, epoch=2" in problems(epochs(), reading=Reading("probabilities", chosen="3"))[0].expected


def test_rows_without_a_candidate_are_the_models_own() -> None:
    own = made_table("val", seed=9).assign(epoch=np.nan)
    on_test = epochs()[lambda table: table["split"] == "test"]
    table = pd.concat([own, on_test], ignore_index=True)
    (run,) = read(table, reading=Reading("probabilities", chosen_on="test")).runs
    expected = read(pd.concat([own.drop(columns="epoch"), made_table("test")])).runs[0].logits["val"]
    np.testing.assert_array_equal(run.logits["val"], expected)
    assert set(run.candidates["split"]) == {"test"}


@pytest.mark.parametrize("part", ["val", "test", "train"])
def test_a_single_candidate_beside_the_models_own_rows_is_not_the_model(part: str) -> None:
    """Ended before in a crash: its rows and the model's own stood together."""
    three = pd.concat([both(), made_table("train")], ignore_index=True)
    epoch = made_table(part, seed=4).assign(epoch=5)
    (run,) = read(pd.concat([three, epoch], ignore_index=True)).runs
    assert run.chosen is None and run.candidates.empty
    for name, logits in read(three).runs[0].logits.items():
        np.testing.assert_array_equal(run.logits[name], logits)


def test_a_single_candidate_is_the_model_where_it_has_no_other_rows() -> None:
    own, epoch = made_table("val"), made_table("test", seed=4)
    (run,) = read(pd.concat([own, epoch.assign(epoch=5)], ignore_index=True)).runs
    (expected,) = read(pd.concat([own, epoch], ignore_index=True)).runs
    np.testing.assert_array_equal(run.logits["test"], expected.logits["test"])


def test_candidates_that_only_training_images_have_are_told() -> None:
    """Ended before in a crash."""
    train = [made_table("train", seed=e).assign(epoch=e) for e in (1, 2)]
    (problem,) = problems(pd.concat([both(), *train], ignore_index=True))
    assert "epoch=1, epoch=2" in problem.found and "train" in problem.where
    one = read(pd.concat([both(), train[1]], ignore_index=True)).runs[0].logits["train"]
    same = read(pd.concat([both(), made_table("train", seed=2)], ignore_index=True)).runs[0].logits["train"]
    np.testing.assert_array_equal(one, same)


def test_training_images_may_stand_without_answers() -> None:
    train = made_table("train")[["id", "label", "patient"]]
    tables = [Source(both(), "", "both"), Source(train, "train", "train")]
    found = read_given(tables, PROBABILITIES)
    assert len(found.ids("train")) == 60 and set(found.runs[0].logits) == {"val", "test"}
    answered = read(pd.concat([both(), made_table("train")], ignore_index=True))
    assert set(answered.runs[0].logits) == {"train", "val", "test"}


def test_what_answers_are_is_said_though_a_model_could_give_them_too() -> None:
    with_a_model = Reading(None, answered=True)
    (problem,) = problems(both(), reading=with_a_model)
    assert problem.found == "neither --probabilities nor --logits" and "answers=" in problem.remedy
    bare = both()[["id", "label", "split"]]
    assert read(bare, reading=with_a_model).runs == ()


def test_a_table_that_is_wrong_in_every_way_gets_one_error_with_every_problem(tmp_path: Path) -> None:
    file = tmp_path / "worst.csv"
    file.write_text("id,label,split,p_a,p_b,seed\nx,a,test,0.9,0.9,one\nx,zebra,tset,nan,-0.2,one\n")
    found = problems(file, reading=Reading(None, model_column="net"))
    text = "\n".join(map(str, found))
    for part in (
        "neither --probabilities nor --logits",
        "no column 'net'",
        "no validation rows",
        "the split 'tset'",
        "the seed 'one'",
        "the label 'zebra'",
        "found nothing",
        "the id 'x' twice",
    ):
        assert text.count(part) == 1, part
    said = "\n".join(map(str, problems(file)))
    assert "0.9 + 0.9 = 1.8" in said and "none below 0" in said and "the label 'zebra'" in said
    assert all(problem.found and problem.expected and problem.remedy for problem in found)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": ""}, "no label"),
        ({"prob_wart": "many"}, "found 'many'"),
        ({"prob_wart": np.inf}, "found 'inf'"),
        ({"prob_wart": -0.1}, "none below 0"),
        ({"prob_wart": 40}, "none above 1"),
        ({"prob_wart": 0.9}, "sums to 1"),
        ({"id": ""}, "no id"),
        ({"id": "one"}, "the id 'one' twice"),
        ({"split": "exam"}, "the split 'exam'"),
        ({"seed": 1.5}, "the seed '1.5'"),
        ({"split": "val"}, "no test rows"),
        ({"split": "test"}, "no validation rows"),
    ],
)
def test_each_fault_is_named_once_a_table_with_its_first_line(changes: dict[str, object], said: str) -> None:
    found = [problem for problem in problems(both(**changes)) if said in str(problem)]
    assert len(found) == 1
    assert "no " in found[0].found or "and" in found[0].where  # all rows in one problem, counted


def test_faults_of_single_rows_are_counted() -> None:
    table = both()
    table.loc[[4, 7, 9], "prob_cyst"] = np.nan
    (problem,) = problems(table)
    assert problem.where == "table0 row 4 and 2 more" and "prob_cyst" in problem.expected


def test_what_a_row_says_of_an_image_another_row_does_not_contradict() -> None:
    other = both().assign(model="b")
    other.loc[5, "label"] = "naevus" if other.loc[5, "label"] == "wart" else "wart"
    other.loc[6, "patient"] = "somebody"
    other.loc[7, "patient"] = ""
    found = problems(pd.concat([both().assign(model="a"), other], ignore_index=True))
    assert [problem.found.split("'")[0] for problem in found] == ["the label ", "the patient "]


def test_an_image_in_two_parts_is_told() -> None:
    table = both()
    table.loc[60, "id"] = "val000"
    (problem,) = problems(table)
    assert "twice (val, test)" in problem.found


def test_a_missing_table_a_missing_split_and_the_wrong_order(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.csv")[0].found == "no such file"
    assert problems(both().drop(columns="split"))[0].found == "no column split"
    empty = tmp_path / "empty.csv"
    empty.write_text("id,label,split\n")
    assert problems(empty)[0].found == "no rows"


def test_kinds_are_not_guessed_but_contradictions_are_found() -> None:
    assert "--probabilities" in problems(both(), reading=Reading("logits"))[0].remedy
    plain = both().rename(columns={f"prob_{name}": name for name in CLASSES})
    (problem,) = problems(plain, reading=Reading("logits"))
    assert "all sum to 1" in problem.found
    logits = both().rename(columns={f"prob_{name}": f"logit_{name}" for name in CLASSES})
    assert "say --logits" in problems(logits)[0].remedy


def test_a_tables_own_missing_column_is_named_once() -> None:
    found = problems(made_table("val"), made_table("test").drop(columns=["prob_wart"]))
    assert [(problem.where, problem.found) for problem in found] == [("table1 line 1", "no column prob_wart")]
    unnamed = problems(made_table("val"), made_table("test").drop(columns=["label"]))
    assert len(unnamed) == 1 and "missing: label" in unnamed[0].expected


def test_logits_of_probabilities_are_those_whose_softmax_they_are() -> None:
    p = np.array([[0.7, 0.3, 0.0], [1.0, 0.0, 0.0], [0.2, 0.2, 0.6]])
    np.testing.assert_allclose(softmax(to_logits(p, "probabilities").astype(float)), p, atol=1e-6)
    assert np.isfinite(to_logits(p, "probabilities")).all()
    np.testing.assert_array_equal(to_logits(p, "logits"), p.astype(np.float32))
    assert look_like_probabilities(p) and not look_like_probabilities(p - 0.1)
    found = faults(np.array([[0.5, np.nan], [-0.5, 1.5], [0.5, 0.2], [0.5, 0.5]]), "probabilities")
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "not finite": [True, False, False, False],
        "negative": [False, True, False, False],
        "above 1": [False, True, False, False],
        "sum": [False, False, True, False],
    }


def test_a_row_with_what_is_no_number_is_not_summed() -> None:
    """Said before: "probabilities 1.2 + nan = nan"."""
    table = both()
    table.loc[3, ["prob_cyst", "prob_wart"]] = [np.nan, 1.2]
    found = [problem.found for problem in problems(table)]
    assert len(found) == 2 and "1.2" in found[1] and "nan" not in found[1] and "=" not in found[1]


def as_files(folder: Path, val: pd.DataFrame, test: pd.DataFrame) -> GivenTables:
    for part, table in (("val", val), ("test", test)):
        table.drop(columns="split").to_csv(folder / f"{part}.csv", index=False)
    return read(folder / "val.csv", folder / "test.csv")


def numbered(part: str) -> pd.DataFrame:
    """Patients 0 … 19 in either part."""
    return made_table(part).assign(patient=np.arange(60) // 3)


@pytest.mark.parametrize("gap", ["val", "test"])
def test_a_patient_that_a_gap_made_a_float_is_the_same_patient(tmp_path: Path, gap: str) -> None:
    """Read before as `17.0` beside `17`: nobody stood in validation and in test."""
    tables = {part: numbered(part) for part in ("val", "test")}
    tables[gap].loc[59, "patient"] = np.nan
    found = as_files(tmp_path, tables["val"], tables["test"])
    assert set(found.images["patient"]) == {"", *map(str, range(20))}
    spelling, crossing = found.notes
    assert "column patient of table" in spelling and "0.0 is read as 0" in spelling
    assert crossing.startswith("20 patients stand in validation and in test")
    assert as_files(tmp_path, numbered("val"), numbered("test")).notes == (crossing,)


def test_so_are_an_id_a_site_and_any_other_column(tmp_path: Path) -> None:
    val = numbered("val").assign(site=np.arange(60.0) % 2, scanner=np.arange(60.0) % 4)
    test = numbered("test").assign(site=np.arange(60) % 2, scanner=np.arange(60) % 4)
    val["id"], test["id"] = np.arange(60.0), np.arange(60, 120)
    found = as_files(tmp_path, val, test)
    assert found.ids("val")[:2] == ["0", "1"] and set(found.images["site"]) == {"0", "1"}
    assert set(found.images["scanner"]) == {"0", "1", "2", "3"} and len(found.notes) == 4


@pytest.mark.parametrize("other", ["3.1", "1.50"])
def test_a_name_with_a_point_in_it_is_no_number(tmp_path: Path, other: str) -> None:
    """Patient and visit: `3.0` and `3.1` are two names, and `3` a third."""
    val = numbered("val").assign(patient=[f"{i // 3}.0" for i in range(60)])
    test = numbered("test").astype({"patient": object})
    test.loc[0, "patient"] = other
    found = as_files(tmp_path, val, test)
    assert {"3.0", "3", other} <= set(found.images["patient"]) and found.notes == ()
    alone = as_files(tmp_path, val, val.assign(id=[f"t{i}" for i in range(60)], split="test"))
    assert "3.0" in set(alone.images["patient"]) and len(alone.notes) == 1, "one spelling everywhere stays"


def test_a_patient_of_validation_and_test_is_noted() -> None:
    table = both()
    table.loc[table["patient"] == "test-p0", "patient"] = "val-p0"
    assert read(both()).notes == ()
    assert read(table).notes == ("1 patient stands in validation and in test: val-p0.",)
