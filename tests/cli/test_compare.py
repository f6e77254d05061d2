"""`heldout compare`, in-process, and once in a process of its own to see that torch stays out."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from heldout.answer import comparison_sentences, names_in
from heldout.cli import ExitStatus, main
from heldout.cli.env import Environment
from heldout.cli.views.compare import pair_cells, pair_tables, run_tables
from heldout.runs.compare import compare
from tests.worlds.made_study import RUNS, Planted, make_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("made") / "study")


def call(*args: str | Path) -> tuple[ExitStatus, str, str]:
    env = Environment(io.StringIO(), io.StringIO())
    status = main(["compare", "--bootstrap", "200", *map(str, args)], env)
    return status, env.stdout.getvalue(), env.stderr.getvalue()  # type: ignore[attr-defined]


def test_the_answer_comes_first_then_the_tables(study: Path) -> None:
    status, out, err = call(study)
    assert (status, err) == (ExitStatus.OK, "")
    first, second, *rest = out.splitlines()
    found = compare(study, bootstrap=200)
    assert (first, second) == comparison_sentences(found, names_in(found))
    table = "\n".join(rest)
    for word in (
        "epochs",
        "trainable",
        "an epoch",
        "whole run",
        "train",
        "validation",
        "test",
        "AUC",
        "gap",
        "reversals",
        "test evaluations",
    ):
        assert word in table
    for word in ("96.0", "3,400,000", "2,562", "+16.0", "Pairs on the same test images", "p (Holm)", "distinguishable"):
        assert word in table
    assert any(row.test.accuracy.method in table for row in found.runs if row.test)


def test_json_is_the_contract(study: Path) -> None:
    status, out, _ = call(study, "--json")
    found = json.loads(out)
    assert status == ExitStatus.OK
    assert found["format"] == 2
    run = found["runs"][0]
    assert set(run) >= {
        *("id", "model", "strategy", "seed", "epochs", "trainable_parameters", "parameters", "seconds_per_epoch"),
        *("wall_seconds", "device", "train", "val", "test", "gap_points", "oscillation", "overfit_epoch", "frozen"),
        "test_evaluations",
    }
    assert set(run["test"]["accuracy"]) == {"value", "low", "high", "n", "method"}
    assert set(run["test"]["recall"]) == {"normal", "pneumonia"}
    assert set(run["oscillation"]) == {"reversals", "roughness_points"}
    assert {"verified", "bn", "prefix_stages"} <= set(run["frozen"])
    pair = found["pairs"][0]
    assert set(pair) == {
        *("a", "b", "split", "difference_points", "p", "p_holm", "verdict", "test", "p_images"),
        *("auc_difference", "p_auc", "p_auc_holm"),
    }


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("test", "efficientnet_lite1-frozen"),
        ("val", "efficientnet_lite1-finetune"),
        ("train", "efficientnet_lite1-finetune"),
        ("gap", "efficientnet_lite1-frozen"),
        ("time", "efficientnet_lite0-frozen"),
        ("plan", "efficientnet_lite0-finetune"),
    ],
)
def test_sort(study: Path, sort: str, first: str) -> None:
    _, out, _ = call(study, "--json", "--sort", sort)
    assert json.loads(out)["runs"][0]["id"].startswith(first)


def test_csv_holds_what_the_table_holds(study: Path, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    assert call(study, "--csv", path)[0] == ExitStatus.OK
    frame = pd.read_csv(path)
    found = compare(study, bootstrap=200)
    by_id = {row.id: row for row in found.runs}
    assert len(frame) == 4
    for row in frame.itertuples():
        estimate = by_id[row.id].test.accuracy
        assert (row.test_accuracy, row.test_accuracy_low) == pytest.approx((estimate.value, estimate.low))
        assert row.gap_points == pytest.approx(by_id[row.id].gap_points.value)
        assert row.reversals == by_id[row.id].oscillation.reversals


def test_wrong_words_are_usage_errors(study: Path) -> None:
    status, _, err = call(study, "--sort", "luck")
    assert status == ExitStatus.USAGE
    assert "expected one of test, val, train, gap, time, plan" in err
    assert call(study, "--bootstrap", "3")[0] == ExitStatus.USAGE


def test_a_folder_that_is_no_study_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    status, out, err = call(tmp_path)
    assert (status, out) == (ExitStatus.ERROR, "")
    assert "heldout run DATA --out STUDY" in err


def test_unfinished_runs_are_named_beside_the_answer(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "study", runs=RUNS[:2])
    run = next(folder.glob("runs/*frozen*"))
    (run / "run.json").unlink()
    status, out, err = call(folder)
    assert status == ExitStatus.OK
    assert run.name in err and "`heldout run` goes on" in err
    assert "Pairs" not in out


def test_seeds_have_a_table_of_means_and_spreads(tmp_path: Path) -> None:
    runs = [Planted("m", "frozen", seed, test=0.75 + seed / 20) for seed in range(3)]
    _, out, _ = call(make_study(tmp_path / "study", runs=runs))
    assert "Over seeds" in out
    assert "80.0 % ± 5.0" in out


def test_a_narrow_terminal_gets_three_tables_that_fit(study: Path) -> None:
    from rich.console import Console

    found = compare(study, bootstrap=200)
    tables = run_tables(found, names_in(found), 80)
    assert [table.title for table in tables] == ["How well", "How trained", "At what cost"]
    for table in tables:
        console = Console(file=io.StringIO(), width=80)
        console.print(table)
        assert "…" not in console.file.getvalue()  # type: ignore[attr-defined]


def test_torch_stays_out(study: Path) -> None:
    code = (
        "import sys\nfrom heldout.cli import main\n"
        f"assert main(['compare', {str(study)!r}, '--bootstrap', '200']) == 0\n"
        "assert 'torch' not in sys.modules, 'torch was imported'"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("The best test accuracy")


def test_another_metric_and_unit_are_named_everywhere(study: Path, tmp_path: Path) -> None:
    status, out, _ = call(study, "--metric", "balanced-accuracy", "--unit", "patient", "--by", "majority")
    assert status == ExitStatus.OK
    assert "The best test balanced accuracy is" in out and "majority vote of their images" in out
    assert "randomisation test" in out and "always 'normal'" in out
    status, out, _ = call(study, "--metric", "balanced-accuracy", "--json", "--csv", tmp_path / "runs.csv")
    found = json.loads(out)
    assert found["metric"] == {"name": "balanced-accuracy", "costs": {}, "shares": {}}
    assert found["unit"] == {"name": "image", "by": "mean"} and found["baseline"]["answer"] == "normal"
    run = found["runs"][0]
    assert run["test"]["by_metric"]["value"] and set(run["test"]["scores"]) >= {"f1", "mcc", "brier"}
    table = pd.read_csv(tmp_path / "runs.csv")
    assert {"test_balanced-accuracy_low", "test_f1", "over_baseline_points"} <= set(table.columns)


def test_costs_come_from_a_file_and_all_its_problems_are_told(study: Path, tmp_path: Path) -> None:
    costs = tmp_path / "costs.csv"
    costs.write_text("class,cost\nnormal,1\npneumonia,5\n", encoding="utf-8")
    status, out, _ = call(study, "--metric", f"cost:{costs}")
    assert status == ExitStatus.OK and "cost-weighted accuracy" in out
    costs.write_text("class,cost\nnormal,much\n", encoding="utf-8")
    status, _, err = call(study, "--metric", f"cost:{costs}")
    assert status == ExitStatus.ERROR and "'much'" in err and "0 rows of class 'pneumonia'" in err
    assert call(study, "--metric", "auc")[0] == ExitStatus.USAGE
    assert call(study, "--positive", "ill")[0] == ExitStatus.USAGE


def test_few_further_scores_unless_all_are_asked_for(study: Path) -> None:
    _, few, _ = call(study)
    _, every, _ = call(study, "--all-scores", "--ordered")
    assert "Brier" not in few and "kappa" not in few and "F1" in few
    assert "Brier" in every and "kappa" in every and "sensitivity" in every


def test_pairs_show_mcnemars_p_beside_that_by_patient_and_both_aucs(study: Path) -> None:
    from rich.console import Console

    found = compare(study, bootstrap=200)
    names = names_in(found)
    for width, titles in ((200, 1), (80, 2)):
        tables = pair_tables(found, names, width)
        assert len(tables) == titles and all(table.row_count == len(found.pairs) for table in tables)
        assert any("AUC" in str(column.header) for column in tables[-1].columns)
        console = Console(file=io.StringIO(), width=width)
        for table in tables:
            console.print(table)
        told = console.file.getvalue()  # type: ignore[attr-defined]
        assert "…" not in told and told.count("images") > len(found.pairs)
    pair = found.pairs[0]
    assert pair.test == "randomisation" and "images" in pair_cells(pair)["p"]
    assert "images" not in pair_cells(dataclasses.replace(pair, test="McNemar"))["p"]
    bare = dataclasses.replace(pair, auc_difference=None, p_auc=None, p_auc_holm=None)
    assert (pair_cells(bare)["AUC, first − second"], pair_cells(bare)["p (Holm) of AUC"]) == ("–", "–")
