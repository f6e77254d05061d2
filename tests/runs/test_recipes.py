"""Runs of one model and strategy with other settings are other recipes, and no seeds of one."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.read import read_run_data
from heldout.records import Comparison
from heldout.report.material import Material, gather
from heldout.runs.compare import compare_study
from heldout.runs.folder import StudyFiles, read_study
from heldout.stats.paired import holm
from tests.cli.call import call
from tests.report.pages import charts, composed, read, tables
from tests.worlds.made_study import Planted, make_study

MODEL, FOLDS = "efficientnet_lite0", 4

HIGH = {"lr": 0.01}

PLANTED = (
    Planted(MODEL, "frozen", 0, val=0.80),
    Planted(MODEL, "finetune", 0, val=0.95),
    Planted(MODEL, "finetune", 1, val=0.94),
    Planted(MODEL, "finetune", 0, val=0.60, settings=HIGH),
    Planted(MODEL, "finetune", 1, val=0.62, settings=HIGH),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("recipes") / "study", runs=PLANTED, n_train=60, n_val=200, n_test=100)


@pytest.fixture(scope="module")
def files(folder: Path) -> StudyFiles:
    return read_study(folder)


@pytest.fixture(scope="module")
def crossed(files: StudyFiles) -> Comparison:
    """The same study as if its validation had been answered out of fold."""
    val = files.runs[0].predictions["val"]
    folds = pd.DataFrame({"id": val.ids, "split": "val", "variant": [f"fold {n % FOLDS}" for n in range(len(val))]})
    runs = tuple(replace(run, folds=folds) for run in files.runs)
    return compare_study(replace(files, runs=runs, split=replace(files.split, folds=FOLDS)))


@pytest.fixture(scope="module")
def material(folder: Path, crossed: Comparison) -> Material:
    found = gather(folder)
    pairs = crossed.fold_pairs
    return replace(found, comparison=replace(found.comparison, fold_pairs=pairs))


def test_only_settings_that_vary_tell_recipes_apart(files: StudyFiles) -> None:
    found = files.differs
    assert [found[run.record.id] for run in files.runs] == [{}, {"lr": 1e-3}, {"lr": 1e-3}, HIGH, HIGH]
    one = files.runs[1]
    larger = replace(one, recipe=replace(one.recipe, image_size=96), record=replace(one.record, id="larger"))
    found = replace(files, runs=(one, larger)).differs
    assert [found[one.record.id], found["larger"]] == [{"image_size": 64}, {"image_size": 96}]
    older = replace(one, recipe=replace(one.recipe, settings={}), record=replace(one.record, id="older"))
    found = replace(files, runs=(one, older)).differs
    assert (found[one.record.id], found["older"]) == (one.recipe.settings, {}), "a setting that one does not know"


def test_a_group_has_no_seed_twice_and_means_of_its_own_runs_alone(files: StudyFiles) -> None:
    groups = compare_study(files).groups
    assert [(group.strategy, group.differs, group.seeds) for group in groups] == [
        ("frozen", {}, (0,)),
        ("finetune", {"lr": 1e-3}, (0, 1)),
        ("finetune", HIGH, (0, 1)),
    ]
    assert [group.val_accuracy for group in groups] == pytest.approx([0.80, 0.945, 0.61])


def test_every_two_recipes_are_compared_over_folds(files: StudyFiles, crossed: Comparison) -> None:
    names = [("frozen", {}), ("finetune", {"lr": 1e-3}), ("finetune", HIGH)]
    pairs = crossed.fold_pairs
    told = [((pair.strategy_a, pair.differs_a), (pair.strategy_b, pair.differs_b)) for pair in pairs]
    assert told == list(combinations(names, 2))
    assert [pair.repeats for pair in pairs] == [1, 1, 2]
    right = [run.predictions["val"].right for run in files.runs]
    expected = [
        right[0] * 1.0 - right[1],
        right[0] * 1.0 - right[3],
        (right[1] * 1.0 - right[3] + right[2] - right[4]) / 2,
    ]
    assert [pair.difference_points.value for pair in pairs] == pytest.approx([100 * np.mean(one) for one in expected])
    assert [pair.p_holm for pair in pairs] == pytest.approx(holm([pair.p for pair in pairs])), "three pairs, not one"


def test_tables_name_the_settings(folder: Path, material: Material) -> None:
    told = call("compare", folder)
    assert "finetune (lr=0.01)" in told.out and "finetune (lr=0.001)" in told.out
    page = composed(material)
    sheets = {name: read(table.sheet) for name, table in tables(page).items()}
    assert [row["settings"] for row in sheets["groups"]] == ["", "lr=0.001", "lr=0.01"]
    pairs = [(row["settings_a"], row["settings_b"]) for row in sheets["fold-pairs-table"]]
    assert pairs == [("", "lr=0.001"), ("", "lr=0.01"), ("lr=0.001", "lr=0.01")]
    drawn = {chart.id: read(chart.sheet) for chart in charts(page)}
    assert {(row["settings"], row["seed"]) for row in drawn["seeds"] if row["strategy"] == "finetune"} == {
        (settings, seed) for settings in ("lr=0.001", "lr=0.01") for seed in ("0", "1")
    }
    assert len({material.marks[row.id].colour for row in material.runs}) == 3
    best = {(row["settings_a"], row["settings_b"]): float(row["difference_points"]) for row in drawn["fold-pairs"]}
    assert best["lr=0.001", "lr=0.01"] > 0, "turned so that the better one stands first, with its own settings"
    assert best["lr=0.001", ""] > 0


def test_a_diagnosis_takes_no_other_setting_for_a_seed(files: StudyFiles) -> None:
    data = list(read_run_data(files, experiments=False))
    alike = {run.run: [other.run for other in run.siblings if run.same_recipe(other)] for run in data}
    ids = [run.record.id for run in files.runs]
    assert alike == {ids[0]: [], ids[1]: [ids[2]], ids[2]: [ids[1]], ids[3]: [ids[4]], ids[4]: [ids[3]]}
