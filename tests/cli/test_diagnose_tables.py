"""`heldout diagnose TABLE…` in-process: an answer on the terminal, a folder other commands take, clear errors."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path

import pandas as pd
import pytest

from heldout.cli import ExitStatus
from heldout.runs.folder import read_study
from tests.cli.call import Answer, call
from tests.worlds.given_tables import made_table
from tests.worlds.made_study import RUNS, make_study


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `val.csv`, `test.csv` and both in `all.parquet`, as the working folder."""
    monkeypatch.chdir(tmp_path)
    val, test = made_table("val", 120), made_table("test", 120, strength=0.8)
    val.drop(columns="split").to_csv("val.csv", index=False)
    test.drop(columns="split").to_csv("test.csv", index=False)
    pd.concat([val, test]).to_parquet("all.parquet")
    return tmp_path


def diagnose(*words: object) -> Answer:
    return call("diagnose", *words, "--bootstrap", "100", "--no-experiments")


def test_two_tables_get_an_answer_and_a_folder_that_other_commands_take(here: Path) -> None:
    answer = diagnose("val.csv", "test.csv", "--probabilities")
    assert answer.status == ExitStatus.OK, answer.err
    assert answer.out.startswith("model (given): test is ") and "leakage" in answer.out
    assert "are in val-test-study." in answer.out and "Next: heldout report val-test-study" in answer.out
    table = call("compare", "val-test-study").out
    assert "model" in table and "epochs" not in table and "trainable" not in table and "whole run" not in table
    assert call("report", "val-test-study").status == ExitStatus.OK
    again = call("diagnose", "val-test-study", "--bootstrap", "100", "--no-experiments")
    assert again.status == ExitStatus.OK and again.out.split("From validation")[0] == answer.out.split("From valid")[0]


def test_five_thousand_rows_take_less_than_ten_seconds_of_a_processor(here: Path) -> None:
    for part, strength in (("val", 2.0), ("test", 1.2)):
        made_table(part, 2500, strength=strength).drop(columns="split").to_csv(f"{part}.csv", index=False)
    before = time.process_time()
    assert call("diagnose", "val.csv", "test.csv", "--probabilities", "--device", "cpu").status == ExitStatus.OK
    assert time.process_time() - before < 10


def test_one_table_with_a_split_says_the_same(here: Path) -> None:
    one = json.loads(diagnose("all.parquet", "--probabilities", "--json", "--out", "one").out)
    two = json.loads(diagnose("val.csv", "test.csv", "--probabilities", "--json", "--out", "two").out)
    assert (one["gap_points"], one["budget"]) == (two["gap_points"], two["budget"])


def test_the_report_names_the_call_that_makes_it_again(here: Path) -> None:
    diagnose("val.csv", "test.csv", "--probabilities", "--name", "my net v1.5", "--out", "s")
    call("report", "s")
    page = (here / "s" / "report.html").read_text()
    words = "heldout diagnose val.csv test.csv --probabilities --name 'my net v1.5'"
    assert words.replace("'", "&#39;") in page
    assert diagnose(*shlex.split(words)[2:], "--out", "t").status == ExitStatus.OK
    assert read_study(here / "t").runs[0].record.id == read_study(here / "s").runs[0].record.id
    assert "my net v1.5 (given)" in call("compare", "t").out


def test_the_interventions_that_were_not_possible_say_why(here: Path) -> None:
    answer = call("diagnose", "val.csv", "test.csv", "--probabilities", "--bootstrap", "100", "--device", "cpu")
    assert answer.status == ExitStatus.OK, answer.err
    told = " ".join(answer.out.split())
    assert "it needs --images DIR and --model FILE.onnx" in told
    assert "it needs the network's weights and layers, and the model was given, not trained here" in told
    assert "needs the training images (`--train`: their path or patient)" in told


def test_two_rows_wrong_in_every_way_get_one_error(here: Path) -> None:
    Path("two.csv").write_text("id,label,split,p_a,p_b\nx,a,test,0.9,0.9\nx,zebra,test,nan,-0.2\n")
    answer = diagnose("two.csv", "--probabilities", "--model-column", "net")
    assert answer.status == ExitStatus.ERROR and answer.out == ""
    for part in (
        "no column 'net'",
        "1.8",
        "found nothing",
        "below 0",
        "'zebra'",
        "the id 'x' twice",
        "no validation rows",
    ):
        assert answer.err.count(part) == 1, part
    assert "(7 problems)" in answer.err and not (here / "two-study").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["val.csv", "test.csv", "all.parquet", "--logits"], "Found 3 tables"),
        (["test.csv", "val.csv", "--probabilities"], "found a table called test"),
        (["val.csv", "test.csv", "--probabilities", "--run", "x"], "--run beside tables"),
        (["val.csv", "test.csv", "--probabilities", "--retrain"], "--retrain beside tables"),
        (["val.csv", "test.csv", "--probabilities", "--chosen-on", "train"], "--chosen-on: found 'train'"),
        (["val.csv", "test.csv", "--probabilities", "--preprocessing", "m.json"], "without --model"),
        (["nowhere"], "no such file"),
    ],
)
def test_calls_that_contradict_themselves(here: Path, words: list[str], said: str) -> None:
    answer = diagnose(*words)
    assert answer.status in (ExitStatus.USAGE, ExitStatus.ERROR) and said in answer.err
    assert not list(here.glob("*-study"))


def test_options_of_tables_do_not_belong_to_a_study(here: Path) -> None:
    study = make_study(here / "study", runs=RUNS[:1])
    answer = diagnose(study, "--probabilities", "--images", here)
    assert answer.status == ExitStatus.USAGE and "--probabilities or --logits, --images beside the study" in answer.err
    assert diagnose("val.csv", "test.csv", "--probabilities", "--out", study).status == ExitStatus.USAGE
