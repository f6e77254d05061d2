"""Chosen on test: what it flatters is right on average, is exactly 0 with nothing to choose, and closes the sum."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from heldout.diagnosis.diagnose import diagnose, diagnose_run
from heldout.diagnosis.gap import measure_budget
from heldout.diagnosis.gap.choice import by_accuracy, by_halves, chosen_anew
from heldout.diagnosis.gap.chosen_on_test import Known
from heldout.diagnosis.read import read_run_data
from heldout.diagnosis.run_data import RunData
from heldout.diagnosis.variants import VariantLogits
from heldout.records import Finding, ReasonKind, TermStatus
from heldout.records.logit_table import variants_table
from heldout.records.predictions import Predictions
from heldout.records.run import ChosenOn
from heldout.runs.folder import read_study
from tests.cli.call import call
from tests.worlds.made_runs import clustered, of_parts
from tests.worlds.made_study import make_study

pytestmark = pytest.mark.numeric


def answers(test: Predictions, accuracy: float, m: int, seed: int) -> NDArray[np.int64]:
    """(m, n) answers of candidates that are equally good, each right on its own images."""
    right = np.random.default_rng(seed).random((m, len(test))) < accuracy
    return np.where(right, test.labels, 1 - test.labels)


def sure(answered: NDArray[np.int64]) -> NDArray[np.float64]:
    return 4.0 * (np.eye(2)[answered] - 0.5)


def chosen(
    test: Predictions, answered: NDArray[np.int64], on: ChosenOn = "test", *, place: int | None = None, n_val: int = 200
) -> RunData:
    """A run that is one of the candidates, the best on test unless another is asked for."""
    best = int((answered == test.labels).mean(axis=1).argmax()) if place is None else place
    table = variants_table("test", test.ids, {f"epoch={e + 1}": sure(one) for e, one in enumerate(answered)})
    made = of_parts(clustered("val", n_val), test.with_logits(sure(answered[best])))
    return replace(made, candidates=VariantLogits(table), learning=replace(made.learning, chosen_on=on))


def of_cause(run: RunData) -> Finding:
    return next(item for item in diagnose_run(run).findings if item.code == "chosen-on-test")


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), accuracy=st.floats(0.6, 0.95), m=st.integers(2, 12), per=st.integers(1, 3))
def test_the_terms_sum_to_the_gap_exactly(seed: int, accuracy: float, m: int, per: int) -> None:
    test = clustered("test", 120, seed=seed, per=per)
    budget = measure_budget(chosen(test, answers(test, accuracy, m, seed)))
    assert next(iter(budget.terms)) == "chosen-on-test", "it is taken off first"
    assert sum(term.value for term in budget.terms.values()) == pytest.approx(budget.gap.value, abs=1e-9)
    total = np.sum([term.replicates for term in budget.terms.values()], axis=0)
    assert total == pytest.approx(budget.gap.replicates, abs=1e-9)


def test_equal_candidates_flatter_by_their_luck_alone() -> None:
    """Thirty candidates of one true accuracy: what choosing flatters is known. Mean of twenty studies."""
    measured, true = [], []
    for seed in range(20):
        test = clustered("test", 200, seed=seed, per=1)
        answered = answers(test, 0.85, 30, seed)
        measured.append(-measure_budget(chosen(test, answered)).terms["chosen-on-test"].value)
        true.append(100 * float((answered == test.labels).mean(axis=1).max() - 0.85))
    assert np.mean(true) > 4
    assert np.mean(measured) == pytest.approx(np.mean(true), abs=0.8)


def test_what_is_hidden_is_added_to_the_gap() -> None:
    """Test looks as good as validation only because the best of forty was chosen there."""
    test = clustered("test", 200, seed=3, per=1)
    found = diagnose_run(chosen(test, answers(test, 0.88, 40, 3)))
    assert found.gap_points is not None and not found.explained
    one = next(item for item in found.findings if item.code == "chosen-on-test")
    assert (one.verdict, one.fault, one.priority) == ("established", True, 0.0)
    assert one.points is not None and one.points.high < 0, "it raises test"
    assert one.numbers["true_gap_points"] == pytest.approx(found.gap_points.value - one.points.value)
    assert one.explains == {"chosen-on-test": pytest.approx(one.points.value)}
    assert one.sentence in found.summary, "told although there is nothing to explain"
    assert found.budget[0].term == "chosen-on-test" and found.budget[0].points == one.points


def test_one_candidate_flatters_by_exactly_nothing() -> None:
    test = clustered("test", 100)
    run = chosen(test, answers(test, 0.8, 1, 0))
    part = measure_budget(run).parts["chosen-on-test"]
    assert part.status is TermStatus.NOTHING and part.points is not None
    assert part.points.value == 0 and not part.points.replicates.any()
    assert (of_cause(run).verdict, of_cause(run).kind) == ("not applicable", ReasonKind.DOES_NOT_APPLY)


def test_equal_answers_flatter_by_nothing() -> None:
    """The same network thirty times: there was nothing to be lucky with."""
    test = clustered("test", 200, per=1)
    run = chosen(test, np.repeat(answers(test, 0.85, 1, 0), 30, axis=0))
    points = measure_budget(run).terms["chosen-on-test"]
    assert abs(points.value) < 0.5
    assert of_cause(run).verdict == "excluded"


@pytest.mark.parametrize("on", ["", "val"])
def test_nobody_said_that_it_was_chosen_on_test(on: ChosenOn) -> None:
    """Being the best on test is no proof: somebody has to say it, and then it is measured."""
    test = clustered("test", 200, per=1)
    run = chosen(test, answers(test, 0.85, 20, 1), on)
    budget = measure_budget(run)
    assert "chosen-on-test" not in budget.parts
    found = of_cause(run)
    if on == "val":
        assert (found.verdict, found.kind) == ("not applicable", ReasonKind.DOES_NOT_APPLY)
        return
    assert budget.on_test.known is Known.ASKED and "scored on the other" in budget.on_test.detail
    assert (found.verdict, found.kind, found.priority) == ("not identifiable", ReasonKind.NOT_SAID, 0)
    assert found.numbers["flattery_points"] > 1


@pytest.mark.parametrize(("on", "status"), [("val", TermStatus.MEASURED), ("", TermStatus.NOT_MEASURED)])
def test_what_validation_flatters_is_measured_where_somebody_says_that_it_was_chosen_there(
    on: ChosenOn, status: TermStatus
) -> None:
    val = clustered("val", 200, per=1)
    answered = answers(val, 0.85, 20, 1)
    table = variants_table("val", val.ids, {f"epoch={e + 1}": sure(one) for e, one in enumerate(answered)})
    best = val.with_logits(sure(answered[int((answered == val.labels).mean(axis=1).argmax())]))
    made = of_parts(best, clustered("test", 200, per=1))
    learning = replace(made.learning, given=True, chosen_on=on)
    budget = measure_budget(replace(made, candidates=VariantLogits(table), learning=learning))
    assert budget.status["selection"] is status
    assert ("not known" in budget.details["selection"]) == (on == "")


def test_another_candidate_that_is_better_there_shows_that_it_was_not() -> None:
    test = clustered("test", 200, per=1)
    answered = answers(test, 0.85, 10, 2)
    worst = int((answered == test.labels).mean(axis=1).argmin())
    for on in ("", "test"):
        run = chosen(test, answered, on, place=worst)  # type: ignore[arg-type]
        assert measure_budget(run).on_test.known is Known.ANOTHER_IS_BETTER
        assert (of_cause(run).verdict, of_cause(run).kind) == ("not applicable", ReasonKind.DOES_NOT_APPLY)
    assert measure_budget(run).terms["chosen-on-test"].value == 0


def test_said_without_the_answers_of_the_others_it_is_not_measured() -> None:
    made = of_parts(clustered("val", 100), clustered("test", 100))
    run = replace(made, learning=replace(made.learning, chosen_on="test"))
    part = measure_budget(run).parts["chosen-on-test"]
    assert part.status is TermStatus.NOT_MEASURED and part.points is not None and part.points.value == 0
    assert (of_cause(run).verdict, of_cause(run).kind) == ("not identifiable", ReasonKind.PARTS_MISSING)


def test_too_few_patients_cannot_be_halved() -> None:
    test = replace(clustered("test", 60), patients=tuple(f"p{i % 3}" for i in range(60)))
    found = of_cause(chosen(test, answers(test, 0.8, 5, 0)))
    assert (found.verdict, found.kind) == ("not identifiable", ReasonKind.MORE_PATIENTS)


def test_runs_of_a_study_are_the_candidates_where_no_others_were_given() -> None:
    test = clustered("test", 200, per=1)
    answered = answers(test, 0.85, 8, 4)
    answered = answered[np.argsort(-(answered == test.labels).sum(axis=1))]
    made = [of_parts(clustered("val", 100), test.with_logits(sure(one))) for one in answered]
    said = replace(made[0].learning, chosen_on="test")
    run = replace(made[0], learning=said, siblings=tuple(made[1:]))
    found = measure_budget(run).on_test
    assert (found.known, found.candidates, found.noun) == (Known.SAID, 8, "runs")
    given_ = measure_budget(chosen(test, answered, n_val=100)).on_test
    assert found.flattery is not None and given_.flattery is not None
    assert found.flattery.value == pytest.approx(given_.flattery.value)


def test_candidates_of_a_table_are_read_and_the_command_says_it(tmp_path: Path) -> None:
    study = read_study(make_study(tmp_path / "study"))
    files = study.runs[0]
    test = files.predictions["test"]
    worse = {f"epoch={e}": np.roll(test.logits, e, axis=0) for e in range(1, 6)}
    table = variants_table("test", test.ids, {"epoch=6": test.logits, **worse})
    pd.concat([table, table.assign(split="val")]).to_parquet(files.folder / "candidates.parquet")
    (data,) = read_run_data(study, [files], experiments=False, bootstrap=100)
    assert data.candidates is not None and len(data.candidates.variants) == 6
    (unsaid,), (told,) = (
        diagnose(study, [files], experiments=False, bootstrap=100, chosen_on=on) for on in ("", "test")
    )
    assert "chosen-on-test" not in [term.term for term in unsaid.budget]
    assert told.budget[0].term == "chosen-on-test"
    words = ("diagnose", study.folder, "--run", files.record.id, "--no-experiments", "--json", "--chosen-on", "test")
    answer = call(*words)
    assert answer.status == 0 and json.loads(answer.out)["budget"][0]["term"] == "chosen-on-test"


def test_some_replicates_at_a_time_are_told_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    right = (rng.random((4, 60)) < 0.8).astype(np.float64)
    found = by_accuracy(right, right[0], "made")
    units, weights = np.repeat(np.arange(30), 2), rng.integers(0, 4, (41, 60)).astype(np.float32)
    told = []
    for block in (10**6, 60 * 7, 1):
        monkeypatch.setattr("heldout.stats.bootstrap.BLOCK", block)
        halves = by_halves(found, units, weights, weights, plain=True, halvings=6, seed=(1, 2))
        told.append(np.concatenate([halves, chosen_anew(found, weights, weights)]))
        assert told[-1].shape == (82,)
    np.testing.assert_allclose(told[1], told[0], rtol=1e-12)
    np.testing.assert_allclose(told[2], told[0], rtol=1e-12)
