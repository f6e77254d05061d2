"""A recipe chosen on validation: what is tried, what is left behind, and that test has no part in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from heldout.cli import ExitStatus
from heldout.errors import UsageError
from heldout.records import RunRecord
from heldout.records.selection import Selection
from heldout.runs import auto as auto_module
from heldout.runs import context as context_module
from heldout.runs.folder import read_study
from heldout.runs.ladder import LADDER, rung
from heldout.stats.bootstrap import draw
from heldout.stats.racing import Race
from heldout.study import Study
from tests.cli.call import call
from tests.worlds.bright_cells import bright_cells

MODELS = ["efficientnet_lite0", "efficientnet_lite1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_cells(tmp_path_factory.mktemp("data"))


def study_of(data: Path, out: Path, models: list[str], minutes: float, **options: object) -> Study:
    wanted: dict[str, object] = {"epochs": 1, "image_size": 32, "budget_minutes": minutes, **options}
    return Study(data, models, ["auto"], out, **wanted)  # type: ignore[arg-type]


def test_the_ladder_goes_up_and_every_recipe_is_another_one() -> None:
    found = [strategy for number in range(len(LADDER)) for strategy in rung(number, 3, "single")]
    assert len({(strategy.name, str(strategy)) for strategy in found}) == len(found) >= 6
    assert all(getattr(strategy, "epochs", 3) == 3 for strategy in found)
    assert [strategy.name for strategy in rung(0, None, "single")] == ["probe", "frozen"]


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), m=st.integers(2, 5))
def test_a_race_is_told_in_paired_points_and_shares_sum_to_one(seed: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    scores = (rng.random((m, n)) < rng.uniform(0.4, 0.95, (m, 1))).astype(np.float64)
    patients = [f"p{number // 3}" for number in range(n)]
    race = Race(scores, draw(np.zeros(n, dtype=np.int64), [str(i) for i in range(n)], patients, replicates=300))
    leader = int(scores.mean(axis=1).argmax())
    values, low, high = race.behind(leader)
    assert values[leader] == low[leader] == high[leader] == 0
    assert (values >= 0).all() and (low <= values).all() and (values <= high).all()
    np.testing.assert_allclose(values, 100 * (scores[leader].mean() - scores.mean(axis=1)))
    assert race.best().sum() == pytest.approx(1)
    wider, _ = race.behind(leader, 0.01)[1:]
    assert (wider <= low + 1e-9).all(), "a smaller chance to miss makes wider intervals"


def test_equal_candidates_share_the_first_place() -> None:
    scores = np.tile((np.arange(40) % 4 > 0).astype(np.float64), (3, 1))
    race = Race(scores, draw(np.zeros(40, dtype=np.int64), [str(i) for i in range(40)], [""] * 40, replicates=200))
    assert race.best().tolist() == pytest.approx([1 / 3] * 3)


def test_it_searches_recommends_and_scores_test_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[str] = []
    plain = context_module.part_of

    def noted(name: str, *rest: object) -> object:
        parts.append(name)
        return plain(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(context_module, "part_of", noted)
    study = study_of(data, tmp_path / "study", MODELS[:1], 30)
    assert study.plan() == () and study.selection() is None
    study.run()
    assert "test" not in parts, "the search reads no test image"  # the run scores them through `runs.fit`
    found = study.selection()
    assert found is not None and found.chosen is not None and found.ended == "ladder" and len(found.candidates) == 6
    assert sum(one.best for one in found.behind) == pytest.approx(1)
    (run,) = read_study(study.folder).runs
    chosen = found.candidates[found.chosen]
    assert (run.record.strategy, run.recipe.settings) == (chosen.strategy, chosen.settings)
    assert run.record.test_evaluations == 1 and "settings" in run.record.learning.chosen
    assert any("among 6 recipes" in note for note in run.record.notes)
    answers = pd.read_parquet(next((study.folder / "auto").glob("*.parquet")))
    assert answers["variant"].nunique() == 6 and set(answers["split"]) == {"val"}
    assert run.predictions["val"].right.mean() == pytest.approx(chosen.val_accuracy)

    def refuse(*_: object) -> None:
        raise AssertionError("a candidate is trained again")

    monkeypatch.setattr(auto_module, "tried", refuse)
    again = study_of(data, study.folder, MODELS[:1], 60).run()
    assert again.selection() == found and [record.id for record in again.records()] == [run.record.id]
    (diagnosis,) = study.diagnose()
    selection = next(term for term in diagnosis.budget if term.term == "selection")
    assert "one of 6" in selection.detail


def test_no_training_begins_after_the_budget_and_more_minutes_go_on(data: Path, tmp_path: Path) -> None:
    short = study_of(data, tmp_path / "study", MODELS[:1], 1e-6).run().selection()
    assert short is not None and short.ended == "budget" and len(short.candidates) == 1
    first = read_study(tmp_path / "study").runs[0].record
    longer = study_of(data, tmp_path / "study", MODELS[:1], 30).run().selection()
    assert longer is not None and longer.ended == "ladder" and len(longer.candidates) == 6
    assert longer.candidates[0] == short.candidates[0]
    assert first.id in {run.record.id for run in read_study(tmp_path / "study").runs}


def test_a_model_that_cannot_win_is_left_behind(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = auto_module.tried

    def worse(recipe: object, strategy: object, settings: object, info: object, *rest: object) -> object:
        trial, logits = plain(recipe, strategy, settings, info, *rest)  # type: ignore[arg-type]
        if "lite1" in info.name:  # type: ignore[attr-defined]
            logits = -logits
            trial = replace(trial, val_accuracy=1 - trial.val_accuracy)
        return trial, logits

    monkeypatch.setattr(auto_module, "tried", worse)
    many = bright_cells(tmp_path / "data", train=40)
    found = study_of(many, tmp_path / "study", MODELS, 30).run().selection()
    assert found is not None
    lite1 = [one for one in found.candidates if "lite1" in one.backbone]
    assert len(lite1) == 2 and len(found.candidates) == 8
    (dropped,) = found.dropped
    assert "lite1" in dropped.backbone and dropped.rung == 0 and dropped.low > 0


def test_what_does_not_go_together_is_told(data: Path, tmp_path: Path) -> None:
    for options, words in (
        ({"folds": 3}, "--folds"),
        ({"tune": 2}, "--tune"),
        ({"settings": {"probe": {"strengths": "1"}}}, "settings"),
        ({"budget_minutes": 0}, "--budget-minutes 0"),
    ):
        with pytest.raises(UsageError, match=words):
            Study(data, MODELS[:1], ["auto"], tmp_path, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="beside other strategies"):
        Study(data, MODELS[:1], ["auto", "probe"], tmp_path)
    told = call("run", data, "--models", MODELS[0], "--budget-minutes", "3", "--out", tmp_path / "c")
    assert told.status == ExitStatus.USAGE and "--strategies auto" in told.err


def test_the_command_says_what_it_recommends_and_how_sure_it_is(data: Path, tmp_path: Path) -> None:
    words = ("--models", MODELS[0], "--strategies", "auto", "--image-size", "32", "--epochs", "1")
    told = call("run", data, *words, "--budget-minutes", "0.000001", "--out", tmp_path / "study")
    assert told.status == ExitStatus.OK
    said = " ".join(told.out.split())
    assert "Recommended: efficientnet_lite0 with probe" in said and "100 of 100 draws" in said
    assert "The search ended with its budget" in said


def test_records_are_read_as_they_were_written() -> None:
    from heldout.records.codec import from_data, to_data

    empty = Selection(("a",), 3.0, 0)
    assert from_data(Selection, to_data(empty), "here") == empty
    assert RunRecord.__dataclass_fields__["members"].metadata.get("later")
