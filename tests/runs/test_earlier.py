"""Studies of heldout 0.1.0 are read as if they were of today."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from heldout.records.codec import write_record
from heldout.records.recipe import Recipe, Setting
from heldout.records.run import Choice, Learning
from heldout.records.tuning import Trial, Tuning
from heldout.runs.earlier import learning_of, read_run_record, was_searched
from heldout.runs.ledger import DIAGNOSIS_EVALUATIONS, TEST_EVALUATIONS, entries, write_down
from heldout.strategies import Kept, Phase, strategies

PROBE = Learning(False, False, "last", ("strength",), (0.1, 1.0))


def recipe_of(strategy: str, settings: dict[str, Setting]) -> Recipe:
    return Recipe("c", "s", ("a", "b"), "x:y", "w", strategy, settings, 32, "stretch", "bilinear", 0)


def of_today(folder: Path, recipe: Recipe) -> dict[str, object]:
    """Write `recipe.json`, and give what a `run.json` of 0.1.0 held."""
    folder.mkdir(parents=True)
    write_record(folder / "recipe.json", recipe)
    return {
        "id": recipe.id,
        "backbone": "x:y",
        "strategy": recipe.strategy,
        "seed": 0,
        "classes": ["a", "b"],
        "epochs": 1,
        "kept_epoch": 1,
        "parameters": 9,
        "trainable_parameters": 9,
        "seconds_per_epoch": 1.0,
        "wall_seconds": 1.0,
        "device": "cpu",
        "test_looks": 3,
        "created": "",
        "notes": [],
        "format": 1,
        "frozen": {"verified": True, "bn": "eval", "prefix_stages": [], "detail": ""},
    }


def test_a_record_of_0_1_0_gains_what_its_strategy_declares(tmp_path: Path) -> None:
    recipe = recipe_of("probe", {"strengths": (0.1, 1.0)})
    place = tmp_path / "runs" / recipe.id
    (tmp_path / "runs").mkdir()
    data = of_today(place, recipe)
    (place / "run.json").write_text(json.dumps(data))
    record = read_run_record(place)
    assert record.test_evaluations == 3
    assert record.learning == PROBE
    write_record(place / "run.json", record)
    assert "test_looks" not in json.loads((place / "run.json").read_text())
    assert read_run_record(place) == record


def test_a_search_of_0_1_0_is_found_in_its_own_file(tmp_path: Path) -> None:
    recipe = recipe_of("finetune", {"lr": 0.01})
    place = tmp_path / "runs" / recipe.id
    data = of_today(place, recipe)
    (place / "run.json").write_text(json.dumps(data))
    assert read_run_record(place).learning.chosen == ()
    trials = (Trial({"lr": 0.1}, 0.8, 0.5, 1.0), Trial({"lr": 0.01}, 0.9, 0.4, 1.0))
    (tmp_path / "tuning").mkdir()
    write_record(tmp_path / "tuning" / "a.json", Tuning("x:y", "finetune", 0, trials[:1]))
    assert not was_searched(tmp_path, recipe)  # one training is no search
    write_record(tmp_path / "tuning" / "a.json", Tuning("x:y", "finetune", 0, trials))
    assert read_run_record(place).learning.chosen == ("settings",)
    assert not was_searched(tmp_path, recipe_of("finetune", {"lr": 0.1}))


CHOSEN: dict[str, tuple[Choice, ...]] = {"probe": ("strength",), "wise": ("blend",), "knn": ("neighbours",)}


@pytest.mark.parametrize("name", list(strategies.names()))
def test_every_strategy_says_what_it_trains_and_chooses(name: str) -> None:
    learning = strategies.get(name)().learning()
    assert learning.chosen == CHOSEN.get(name, ())
    assert bool(learning.tried) == bool(learning.chosen)
    assert learning.backbone_trained == (name not in ("frozen", "knn", "probe"))
    assert learning.uses_seed == (name not in ("knn", "probe"))


def test_the_best_epoch_and_searched_settings_are_choices_and_one_value_is_none() -> None:
    assert learning_of(recipe_of("finetune", {"keep": "best"})).chosen == ("epoch",)
    assert learning_of(recipe_of("finetune", {"keep": "average"})) == Learning(True, True, "average")
    assert learning_of(recipe_of("probe", {"strengths": (1.0,)})) == Learning(False, False)
    both = learning_of(recipe_of("finetune", {"keep": "best"})).after_search()
    assert both.chosen == ("settings", "epoch") == both.after_search().chosen


def test_a_strategy_that_is_not_here_is_told_by_its_settings() -> None:
    assert learning_of(recipe_of("gone", {"keep": "best"})) == Learning(True, True, "best", ("epoch",))
    assert learning_of(recipe_of("probe", {"unheard_of": 1})) == Learning(True, True)


@dataclasses.dataclass(frozen=True)
class OwnWords(Kept):
    """A strategy of another package that knows better than its phases."""

    name = "own-words"
    title = "own words"

    def phases(self) -> tuple[Phase, ...]:
        return (self.phase("all", "all"),)

    def learning(self) -> Learning:
        return dataclasses.replace(super().learning(), chosen=("blend",))


def test_a_strategy_may_say_it_in_its_own_words() -> None:
    assert OwnWords().learning().chosen == ("blend",)


def test_lines_of_0_1_0_still_count(tmp_path: Path) -> None:
    assert entries(tmp_path, TEST_EVALUATIONS) == []
    (tmp_path / "test_looks.jsonl").write_text('{"run": "a"}\n')
    write_down(tmp_path, TEST_EVALUATIONS, {"run": "b"})
    write_down(tmp_path, DIAGNOSIS_EVALUATIONS, {"run": "c"})
    assert [entry["run"] for entry in entries(tmp_path, TEST_EVALUATIONS)] == ["a", "b"]
    assert [entry["run"] for entry in entries(tmp_path, DIAGNOSIS_EVALUATIONS)] == ["c"]
