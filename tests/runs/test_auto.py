"""A recipe chosen on validation: what is tried, what is left behind, and that test has no part in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from heldout.answer.selection import selection_sentences
from heldout.cli import ExitStatus
from heldout.errors import UsageError
from heldout.records import RunRecord
from heldout.records.logit_table import logits_in
from heldout.records.selection import Behind, Candidate, Ensemble, Selection
from heldout.records.table_file import load_table
from heldout.runs import auto as auto_module
from heldout.runs import context as context_module
from heldout.runs import tuning
from heldout.runs.folder import read_study
from heldout.runs.ladder import LADDER, rung
from heldout.runs.selections import answers_of
from heldout.stats.bootstrap import draw
from heldout.stats.folds import corrected_t
from heldout.stats.racing import Race
from heldout.stats.scores import softmax
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
    same, down, up = race.behind_best(leader)
    assert same.tolist() == pytest.approx(values.tolist()) and (down <= same).all() and (same <= up).all()
    assert down[leader] == up[leader] == 0
    assert (race.behind_best(leader, 0.01)[1] <= down + 1e-9).all()


@pytest.mark.parametrize("m", [2, 6, 12])
def test_of_equal_candidates_hardly_any_is_called_worse_than_the_luckiest(m: int) -> None:
    wrong, alone, studies, n = 0, 0, 120, 300
    ids, strata = [str(i) for i in range(n)], np.zeros(n, dtype=np.int64)
    for seed in range(studies):
        rng = np.random.default_rng((seed, m))
        latent = np.sqrt(0.8) * rng.normal(size=n) + np.sqrt(0.2) * rng.normal(size=(m, n))
        scores = (latent < 1.0).astype(np.float64)  # 84 % of each are right
        race = Race(scores, draw(strata, ids, [""] * n, replicates=400, seed=seed))
        leader = int(scores.mean(axis=1).argmax())
        wrong += bool((race.behind_best(leader)[1] > 0).any())
        alone += bool((race.behind(leader)[1] > 0).any())  # by intervals of one pair each
    assert wrong <= 12  # of 120 with a chance of 0.05 each: 13 or more happen 7 times in 1,000
    assert m == 2 or alone > 3 * wrong  # docs/auto.md has the numbers


def test_equal_candidates_share_the_first_place() -> None:
    scores = np.tile((np.arange(40) % 4 > 0).astype(np.float64), (3, 1))
    race = Race(scores, draw(np.zeros(40, dtype=np.int64), [str(i) for i in range(40)], [""] * 40, replicates=200))
    assert race.best().tolist() == pytest.approx([1 / 3] * 3)


def test_patients_that_are_too_few_tell_nothing_apart() -> None:
    """Of one patient a class every draw is the same: what one of the two shows may be luck."""
    right = np.tile(np.arange(60) % 10 > 0, (2, 1)).astype(np.float64)
    right[1, ::4] = 0
    truth = np.arange(60) // 30

    def raced(patients: int) -> Race:
        names = [f"p{i // (60 // patients)}" for i in range(60)]
        return Race(right, draw(truth, [str(i) for i in range(60)], names, replicates=500))

    def width(patients: int, level: float = 0.05) -> float:
        _, low, high = raced(patients).behind(0, level)
        assert low[0] == high[0] == 0, "it is not behind itself"
        return float(high[1] - low[1])

    assert raced(2).behind(0)[1][1] < 0 and raced(2).best() is None
    assert raced(60).behind(0)[1][1] > 0, "of sixty it can be told"
    assert width(2) > width(60) > 0 and width(60, 0.01) > width(60) and width(2, 0.01) > width(2)


def test_out_of_fold_the_spread_over_folds_counts() -> None:
    """All of the lead lies in one fold of four: drawn patients are sure of it, the folds are not."""
    right = np.ones((2, 200))
    right[1, :40] = 0
    ids = [str(i) for i in range(200)]
    race = Race(right, draw(np.zeros(200, dtype=np.int64), ids, [""] * 200, replicates=500))
    folded = replace(race, fold=np.arange(200) // 50)
    assert race.behind(0)[1][1] > 0 > folded.behind(0)[1][1]
    assert folded.behind(0)[1][1] == pytest.approx(100 * corrected_t([0.8, 0, 0, 0], 150, 50).low)
    assert folded.behind(0)[1][0] == 0 == folded.behind(0)[2][0]


def test_a_search_cut_off_between_answers_and_record_goes_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto_module, "LADDER", LADDER[:1])
    study = study_of(data, tmp_path / "study", MODELS[:1], 1e-6)
    study.run()
    (file,) = (tmp_path / "study" / "auto").glob("*.json")
    before = load_table(answers_of(file))
    study = study_of(data, tmp_path / "study", MODELS[:1], 30)
    real = auto_module.write_sealed

    def full(path: Path, record: object) -> None:
        monkeypatch.setattr(auto_module, "write_sealed", real)
        raise OSError("no space left on the device")

    monkeypatch.setattr(auto_module, "write_sealed", full)
    with pytest.raises(OSError, match="no space"):
        study.run()
    assert len(load_table(answers_of(file))) > len(before)
    study.run()
    found = study.selection()
    assert found is not None and found.ended == "ladder"
    assert set(load_table(answers_of(file)).groupby("variant").size()) == {len(before)}


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

    monkeypatch.setattr(tuning, "tried", refuse)
    again = study_of(data, study.folder, MODELS[:1], 60).run()
    assert again.selection() == found and [record.id for record in again.records()] == [run.record.id]
    (diagnosis,) = study.diagnose()
    selection = next(term for term in diagnosis.budget if term.term == "selection")
    assert "one of 6" in selection.detail


def test_no_training_begins_after_the_budget_and_more_minutes_go_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto_module, "LADDER", LADDER[:1])  # the test above climbs all of it
    short = study_of(data, tmp_path / "study", MODELS[:1], 1e-6).run().selection()
    assert short is not None and short.ended == "budget" and len(short.candidates) == 1
    first = read_study(tmp_path / "study").runs[0].record
    longer = study_of(data, tmp_path / "study", MODELS[:1], 30).run().selection()
    assert longer is not None and longer.ended == "ladder" and len(longer.candidates) == 2
    assert longer.candidates[0] == short.candidates[0]
    assert first.id in {run.record.id for run in read_study(tmp_path / "study").runs}


@pytest.mark.slow
def test_out_of_fold_it_chooses_and_the_recommended_run_is_cross_validated(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto_module, "LADDER", LADDER[:1])
    study = study_of(data, tmp_path / "study", MODELS[:1], 30, folds=3).run()
    found = study.selection()
    assert found is not None and found.chosen is not None and found.folds == 3 and len(found.candidates) == 2
    (run,) = read_study(study.folder).runs
    chosen, val = found.candidates[found.chosen], run.predictions["val"]
    assert len(run.record.members) == 3 and run.record.test_evaluations == 1
    assert val.right.mean() == pytest.approx(chosen.val_accuracy)  # out of fold, as in the search
    assert len(set(run.record.notes)) == len(run.record.notes)
    assert any("among 2 recipes" in note for note in run.record.notes)
    answers = pd.read_parquet(next((study.folder / "auto").glob("*.parquet")))
    each = [logits_in(rows.set_index("id").loc[list(val.ids)]) for _, rows in answers.groupby("variant", sort=False)]
    assert len(each) == 2 and set(answers["id"]) == set(study.split.val)
    assert (found.ensemble is None) == any(one.standing == "worse" for one in found.behind)
    if found.ensemble is not None:
        mean = np.mean([softmax(logits) for logits in each], axis=0)
        lead = 100 * ((mean.argmax(axis=1) == val.labels).mean() - val.right.mean())
        assert found.ensemble.low <= found.ensemble.points == pytest.approx(lead)
    term = next(term for term in study.diagnose()[0].budget if term.term == "selection")
    assert "one of 2" in term.detail
    untested = replace(study.cohort, table=study.cohort.table.assign(split=""))
    nested = Study(untested, MODELS[:1], ["auto"], tmp_path / "nested", folds=3, budget_minutes=1, image_size=32)
    with pytest.raises(UsageError, match="no test images"):
        nested.run()


def ensemble_of(low: float) -> Selection:
    one = Candidate("timm:resnet34.a1_in1k", "probe", {}, {}, 0, 0.8, 0.5, 1.0)
    return Selection(
        models=(one.backbone,),
        minutes=3.0,
        seed=0,
        candidates=(one, replace(one, strategy="frozen")),
        chosen=0,
        behind=(Behind(0, 0.0, 0.0, 0.0, 0.6), Behind(1, 1.0, -1.0, 3.0, 0.4)),
        ended="ladder",
        ensemble=Ensemble((0, 1), 0.83, 3.0, low, 5.0),
    )


def test_an_ensemble_is_called_better_only_where_it_surely_is() -> None:
    better, equal = (" ".join(selection_sentences(ensemble_of(low))) for low in (0.5, -0.5))
    assert "is better than it alone: +3.0 points (+0.5 to +5.0)" in better
    assert "cannot be told from it alone: +3.0 points (−0.5 to +5.0)" in equal and "better than" not in equal


@pytest.mark.slow
def test_a_model_that_cannot_win_is_left_behind(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tuning.tried

    def worse(recipe: object, strategy: object, settings: object, info: object, *rest: object) -> object:
        trial, logits = plain(recipe, strategy, settings, info, *rest)  # type: ignore[arg-type]
        if "lite1" in info.name:  # type: ignore[attr-defined]
            logits = -logits
            trial = replace(trial, val_accuracy=1 - trial.val_accuracy)
        return trial, logits

    monkeypatch.setattr(tuning, "tried", worse)
    monkeypatch.setattr(auto_module, "LADDER", LADDER[:2])
    many = bright_cells(tmp_path / "data", train=40)
    found = study_of(many, tmp_path / "study", MODELS, 30).run().selection()
    assert found is not None
    lite1 = [one for one in found.candidates if "lite1" in one.backbone]
    assert len(lite1) == 2 and len(found.candidates) == 6
    (dropped,) = found.dropped
    assert "lite1" in dropped.backbone and dropped.rung == 0 and dropped.low > 0


def test_what_does_not_go_together_is_told(data: Path, tmp_path: Path) -> None:
    for options, words in (
        ({"tune": 2}, "--tune"),
        ({"settings": {"probe": {"strengths": "1"}}}, "settings"),
        ({"budget_minutes": 0}, "--budget-minutes 0"),
        ({"budget_minutes": float("nan")}, "--budget-minutes nan"),
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
    assert "Recommended: efficientnet_lite0 with probe" in said
    assert "The search ended with its budget" in said and "the only recipe tried" in said
    told = call("compare", tmp_path / "study", "--json")
    (selection,) = json.loads(told.out)["selections"]
    assert selection["chosen"] == 0 and selection["candidates"][0]["strategy"] == "probe"


def test_records_are_read_as_they_were_written() -> None:
    from heldout.records.codec import from_data, to_data

    empty = Selection(("a",), 3.0, 0)
    assert from_data(Selection, to_data(empty), "here") == empty
    assert RunRecord.__dataclass_fields__["members"].metadata.get("later")
