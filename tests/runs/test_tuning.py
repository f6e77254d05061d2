"""The search for settings: within its budget, on validation only, recorded, and gone on with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from heldout.diagnosis.read import read_run_data
from heldout.errors import UsageError
from heldout.progress import Silent
from heldout.records.codec import read_record
from heldout.records.tuning import Trial, Tuning
from heldout.runs import fit as fit_module
from heldout.runs.folder import read_study
from heldout.runs.plan import SearchBudget
from heldout.runs.tuning import proposals
from heldout.strategies import Range, strategies
from heldout.strategies.finetune import Finetune
from heldout.strategies.frozen import Frozen
from heldout.strategies.probe import Probe
from heldout.study import Study
from tests.cli.call import call
from tests.contract.elsewhere.an_executor import Copies, InCopies
from tests.worlds.bright_cells import bright_cells

pytest.importorskip("optuna")
SPACE = {"lr": Range(1e-4, 1e-1), "layer_decay": Range(0.5, 1.0, log=False)}


def trial(lr: float, decay: float, accuracy: float, loss: float = 0.5, seconds: float = 60.0) -> Trial:
    return Trial({"lr": lr, "layer_decay": decay}, accuracy, loss, seconds)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_cells(tmp_path_factory.mktemp("data"))


def make(data: Path, out: Path, tune: int | None, **options: object) -> Study:
    wanted = {"epochs": 3, "image_size": 32, "seeds": 2, "tune": tune, **options}
    return Study(data, ["efficientnet_lite0"], [Frozen(lr=1e-6), Probe()], out, **wanted)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def study(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make(data, tmp_path_factory.mktemp("out") / "study", tune=6).run()


def tunings(study: Study) -> dict[str, Tuning]:
    found = (read_record(Tuning, file) for file in (study.folder / "tuning").glob("*.json"))
    return {tuning.strategy: tuning for tuning in found}


def test_the_best_settings_are_those_of_the_runs_that_count(study: Study) -> None:
    found = tunings(study)["frozen"]
    assert len(found.trials) == 6
    assert found.trials[0].settings == {"lr": 1e-6, "weight_decay": 0.0}  # as they were
    assert found.best.val_accuracy >= found.trials[0].val_accuracy
    assert found.best.settings["lr"] > 1e-6  # with next to no rate nothing is learned
    for item in study.plan():
        if item.strategy.name == "frozen":
            assert item.recipe.settings["lr"] == found.best.settings["lr"]
    notes = [record.notes for record in study.records() if record.strategy == "frozen"]
    assert len(notes) == 2 and all("among 6 trainings" in note[0] for note in notes)


def test_the_answers_of_every_trial_are_kept_for_the_diagnosis(study: Study) -> None:
    files = read_study(study.folder)
    found = tunings(study)["frozen"]
    for run in files.runs:
        (evidence,) = read_run_data(files, [run])
        if run.record.strategy != "frozen":
            assert not evidence.choices
            continue
        answers_kept = evidence.choices["settings"]
        assert answers_kept.variants == tuple(map(str, range(6)))
        labels, ids = run.predictions["val"].labels, run.predictions["val"].ids
        for number, trial in enumerate(found.trials):
            answers = answers_kept.logits(str(number), "val", ids).argmax(axis=1)
            assert float(np.mean(answers == labels)) == pytest.approx(trial.val_accuracy)


def test_what_has_nothing_to_search_is_trained_once(study: Study) -> None:
    assert len(tunings(study)["probe"].trials) == 1
    assert all(record.notes == () for record in study.records() if record.strategy == "probe")


def test_the_test_images_are_looked_at_by_the_runs_alone(study: Study) -> None:
    scored = [json.loads(line)["run"] for line in (study.folder / "test_evaluations.jsonl").read_text().splitlines()]
    assert sorted(scored) == sorted(item.recipe.id for item in study.plan()) and len(scored) == 4


@pytest.mark.slow
def test_a_search_is_gone_on_with_and_its_proposals_depend_on_what_was_found_alone(data: Path, tmp_path: Path) -> None:
    whole = make(data, tmp_path / "a", tune=5, seeds=1).run()
    make(data, tmp_path / "b", tune=3, seeds=1).run()
    later = make(data, tmp_path / "b", tune=5, seeds=1).run()
    settings = [[trial.settings for trial in tunings(one)["frozen"].trials] for one in (whole, later)]
    assert settings[0] == settings[1] and len(settings[0]) == 5
    assert [item.recipe.id for item in whole.plan()] == [item.recipe.id for item in later.plan()]


def test_a_finished_search_trains_nothing_again(study: Study, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(fit_module, "learn_strategy", never)
    monkeypatch.setattr("heldout.runs.tuning.learn_strategy", never)
    make(data, study.folder, tune=6).run()


def test_without_a_search_settings_are_what_they_are(data: Path, study: Study) -> None:
    plain = make(data, study.folder, tune=None)
    assert {item.recipe.settings["lr"] for item in plain.plan() if item.strategy.name == "frozen"} == {1e-6}


def test_a_budget_ends_by_runs_or_by_minutes() -> None:
    two = [trial(0.01, 0.8, 0.9), trial(0.02, 0.8, 0.8)]
    assert SearchBudget(runs=3).left(two) and not SearchBudget(runs=2).left(two)
    assert SearchBudget(minutes=2.5).left(two) and not SearchBudget(minutes=2.0).left(two)
    assert not SearchBudget(runs=9, minutes=1.0).left(two) and not SearchBudget(runs=2, minutes=9.0).left(two)


def test_the_best_is_accuracy_then_loss_then_the_earlier() -> None:
    trials = (trial(1, 1, 0.9, 0.5), trial(2, 1, 0.95, 0.4), trial(3, 1, 0.95, 0.3), trial(4, 1, 0.95, 0.3))
    assert Tuning("b", "s", 0, trials).best.settings["lr"] == 3


def test_proposals_stay_within_the_space_and_go_where_it_was_good() -> None:
    """A score that falls with the distance from lr = 0.01 and decay = 0.6: later proposals come nearer."""
    import math

    trials: list[Trial] = []
    for _ in range(30):
        (settings,) = proposals(SPACE, trials, seed=1)
        assert 1e-4 <= settings["lr"] <= 1e-1 and 0.5 <= settings["layer_decay"] <= 1.0
        off = abs(math.log10(settings["lr"] / 0.01)) / 3 + abs(settings["layer_decay"] - 0.6)
        trials.append(Trial(settings, 1 - off, 0.5, 1.0))
    scores = [trial.val_accuracy for trial in trials]
    assert sum(scores[-10:]) > sum(scores[:10]) + 0.5
    assert proposals(SPACE, trials[:8], 1) == proposals(SPACE, trials[:8], 1) != proposals(SPACE, trials[:8], 2)
    assert proposals(SPACE, [trial(0.0, 0.8, 0.5)], 1)  # a default that is in no log range is passed over


def test_settings_that_are_proposed_together_differ_and_are_the_first_ones_that_single_ones_would_be() -> None:
    known = [trial(0.01 * 2**k, 0.6 + 0.05 * k, 0.9 - 0.05 * k) for k in range(6)]
    four = proposals(SPACE, known, 1, 4)
    assert len({tuple(one.values()) for one in four}) == 4 and four == proposals(SPACE, known, 1, 4)
    for one in four:
        assert 1e-4 <= one["lr"] <= 1e-1 and 0.5 <= one["layer_decay"] <= 1.0
    rates = np.log10([one["lr"] for one in four])
    assert np.ptp(rates) > 0.1  # they keep away from each other
    budget = SearchBudget.of(5, None, 3)
    assert budget is not None and [budget.together([known[0]] * n) for n in (0, 3, 4)] == [3, 2, 1]
    assert budget.options() == {"tune": 5, "tune-minutes": None, "tune-at-once": 3}
    for runs, together in ((None, 2), (5, 0)):
        with pytest.raises(UsageError, match="beside --tune"):
            SearchBudget.of(runs, None, together)


@pytest.mark.slow
def test_a_search_of_several_at_once_asks_for_them_together(data: Path, tmp_path: Path) -> None:
    class Counts(Copies):
        sizes: ClassVar[list[int]] = []

        def dispatch_all(self, items: Any, reporter: Any) -> Any:
            self.sizes.append(len(items))
            return super().dispatch_all(items, reporter)

    options = {"tune_at_once": 3, "seeds": 1, "epochs": 1}
    here = make(data, tmp_path / "here", tune=4, **options)
    here._execution.begin(Silent())
    away = make(data, tmp_path / "away", tune=4, **options)
    away._execution.begin(Silent(), InCopies(Counts()))
    assert Counts.sizes == [3, 1, 1]  # of `frozen`; `probe` has nothing to search
    found = [[(one.settings, one.val_accuracy) for one in tunings(study)["frozen"].trials] for study in (here, away)]
    assert found[0] == found[1] and len(found[0]) == 4
    table = pd.read_parquet(next((away.folder / "tuning").glob("*frozen*.parquet")))
    assert sorted(table["variant"].unique()) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("name", strategies.names())
def test_what_is_searched_are_settings_of_the_strategy(name: str) -> None:
    kind = strategies.get(name)
    try:
        strategy = kind()
    except Exception:
        pytest.skip("an extra")
    for setting, limits in strategy.space().items():
        assert limits.low < limits.high
        for value in (limits.low, limits.high):
            replace(strategy, **{setting: value})
    assert set(Finetune().space()) == {"lr", "weight_decay", "layer_decay"}


def test_the_command_searches(data: Path, tmp_path: Path) -> None:
    words = ["run", data, "--models", "efficientnet_lite0", "--strategies", "frozen", "--epochs", 1, "--image-size", 32]
    answer = call(*words, "--out", tmp_path / "s", "--tune", 2, "--json")
    assert "Search 2: " in answer.err
    assert len(json.loads(next((tmp_path / "s" / "tuning").glob("*.json")).read_text())["trials"]) == 2
    assert read_study(tmp_path / "s").plan.search == {"tune": 2, "tune-minutes": None}
