"""Diagnoses from end to end, without a network: order, words, and clear answers for data that cannot be judged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heldout.cli import ExitStatus
from heldout.diagnosis.diagnose import (
    NOTHING_TO_EXPLAIN,
    _overlap,
    choose_runs,
    diagnose,
    diagnose_evidence,
    ordered,
    to_review,
)
from heldout.diagnosis.run_data import RunData
from heldout.errors import InputError, UsageError
from heldout.records import TERMS, VERDICTS, Diagnosis, Estimate, Finding
from heldout.records.codec import read_record, to_data
from heldout.records.predictions import Predictions
from heldout.runs.folder import read_study
from tests.cli.call import call
from tests.diagnosis.gap.test_budget import evidence, side
from tests.worlds.made_study import make_study


def made(
    n: int, k: int = 2, *, name: str = "val", patients: bool = True, sure: bool = False, seed: int = 0
) -> Predictions:
    """Any number of classes; `sure` answers class 0 for everything."""
    rng = np.random.default_rng((seed, len(name)))
    labels = np.arange(n) % k
    logits = rng.normal(size=(n, k)) + 2 * np.eye(k)[labels]
    if sure:
        logits = np.tile(np.eye(k)[0], (n, 1))
    who = tuple(f"{name}-p{i // 2}" if patients else "" for i in range(n))
    return Predictions(name, tuple(f"{name}{i}" for i in range(n)), labels, logits, who)


def only(part: Predictions, label: int) -> Predictions:
    return part.take(part.labels == label)


def case(val: Predictions | None, test: Predictions | None) -> RunData:
    k = (val or test).logits.shape[1]  # type: ignore[union-attr]
    return RunData("run", "offline:net", "frozen", 0, tuple(f"c{i}" for i in range(k)), None, val, test, bootstrap=120)


DEGENERATE = {
    "two images": case(made(2), made(2, name="test")),
    "one class only in test": case(only(made(40), 0), made(40, name="test")),
    "one class in test": case(made(60), only(made(60, name="test"), 1)),
    "no validation": case(None, made(40, name="test")),
    "no test": case(made(40), None),
    "no patient known": case(made(80, patients=False), made(80, name="test", patients=False)),
    "identical predictions": case(made(60, sure=True), made(60, name="test", sure=True)),
    "forty classes": case(made(240, 40), made(240, 40, name="test")),
    "thirty test images": case(made(200), made(30, name="test")),
    "one patient": case(replace(made(40), patients=("p",) * 40), replace(made(40, name="test"), patients=("q",) * 40)),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_data_that_cannot_be_judged_get_a_clear_answer(name: str) -> None:
    """No traceback, no cause that failed, no number that is not finite, and always a word on what is needed."""
    found = diagnose_evidence(DEGENERATE[name])
    assert found.summary
    text = json.dumps(to_data(found), allow_nan=False)
    assert "nan" not in text.lower().replace("discriminan", "")
    for finding in found.findings:
        assert finding.verdict in VERDICTS
        assert finding.verdict != "failed", finding.sentence
        assert finding.verdict != "established", "nothing was planted"
        if finding.verdict == "not identifiable":
            assert "needs" in finding.reason
    if not found.budget:
        assert "needs" in found.summary


def test_the_null_claims_nothing_and_says_so_first() -> None:
    found = diagnose_evidence(evidence(side("val", 400), side("test", 400, seed=3)))
    assert found.summary.startswith("There is nothing to explain")
    assert not found.explained
    assert {item.verdict for item in found.findings if item.code != "chance"} <= set(VERDICTS[2:])
    assert all(item.priority == 0 for item in found.findings if item.code != "chance")


def test_a_moved_threshold_is_named_first_with_its_remedy() -> None:
    found = diagnose_evidence(evidence(side("val", 500), side("test", 500, seed=1, offset=1.4)))
    first = found.findings[0]
    assert (first.code, first.verdict) == ("threshold", "established")
    assert "decision threshold" in found.summary
    best = found.remedies[0]
    assert best.cause == "threshold"
    assert not best.exploratory
    assert best.gain_points.low > 0
    assert [term.term for term in found.budget] == list(TERMS)
    assert sum(term.points.value for term in found.budget) == pytest.approx(found.gap_points.value, abs=1e-6)  # type: ignore[union-attr]


def test_a_review_turns_the_bound_into_points() -> None:
    test = side("test", 400, seed=5)
    rng = np.random.default_rng(0)
    wrong = rng.random(400) < 0.15
    planted = evidence(side("val", 400), replace(test, labels=np.where(wrong, 1 - test.labels, test.labels)))
    before = diagnose_evidence(planted)
    labels = next(item for item in before.findings if item.code == "labels")
    assert labels.verdict == "not identifiable"
    assert before.review == to_review(planted)
    names = np.array(["a", "b"])
    truth = dict(zip(test.ids, names[test.labels], strict=True))
    rows = [{"id": i, "label": truth[i], "probability": p} for i, p in before.review.items()]
    after = diagnose_evidence(replace(planted, review=pd.DataFrame(rows)))
    first = after.findings[0]
    assert (first.code, first.verdict) == ("labels", "established")
    lost = 100 * float(
        (test.predicted == test.labels).mean()
        - (test.predicted == np.where(wrong, 1 - test.labels, test.labels)).mean()
    )
    assert first.points is not None
    assert first.points.low <= lost <= first.points.high


def finding(code: str, verdict: str, priority: float, **numbers: float) -> Finding:
    return Finding(code, code, verdict, None, "", priority=priority, numbers=numbers)  # type: ignore[arg-type]


def test_what_lies_upstream_takes_its_points_from_what_lies_downstream() -> None:
    """Blur that moves the scores explains the threshold; it does so only where it is established."""
    threshold = finding("threshold", "established", 9.0)
    blur = finding("image-quality", "established", 8.0, of_threshold=7.0, of_ranking=1.0)
    assert [item.code for item in ordered([threshold, blur])] == ["image-quality", "threshold"]
    assert ordered([threshold, blur])[1].priority == pytest.approx(2.0)
    doubtful = replace(blur, verdict="suggested")
    assert [item.code for item in ordered([threshold, doubtful])] == ["threshold", "image-quality"]


def test_causes_that_share_what_they_break_are_said_to_overlap() -> None:
    blur, token = finding("image-quality", "established", 9.0), finding("shortcut", "established", 8.0)
    points = Estimate(9.0, 8.0, 10.0, 100, "made")
    both = [replace(blur, points=points), replace(token, points=Estimate(8.0, 7.0, 9.0, 100, "made"))]
    told = _overlap(both, 12.0)
    assert "image-quality 9.0 [8.0, 10.0] and shortcut 8.0 [7.0, 9.0]" in told and "counted in each" in told
    assert not _overlap(both, 17.0) and not _overlap(both[:1], 5.0)
    assert not _overlap([both[0], replace(both[1], verdict="suggested")], 12.0)
    mechanism = replace(finding("threshold", "established", 8.0), points=points)
    assert not _overlap([both[0], mechanism], 12.0)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("made") / "study")


def test_every_run_of_a_study_is_diagnosed_and_written(study: Path) -> None:
    found = diagnose(read_study(study), bootstrap=120)
    assert len(found) == 4
    for item in found:
        assert read_record(Diagnosis, study / "diagnosis" / f"{item.run}.json") == item


def test_the_command_line_speaks_json_by_contract(study: Path) -> None:
    run = next((study / "runs").iterdir()).name
    answer = call("diagnose", study, "--run", run, "--no-experiments", "--bootstrap", "120", "--json")
    assert answer.status == ExitStatus.OK, answer.err
    data = json.loads(answer.out)
    assert data["run"] == run
    assert {"value", "low", "high", "n", "method"} == set(data["gap_points"])
    assert {item["term"] for item in data["budget"]} <= set(TERMS)
    assert {"code", "cause", "verdict", "points", "sentence", "images", "remedy"} <= set(data["findings"][0])
    assert {"name", "gain_points", "exploratory"} <= set(data["remedies"][0])
    everything = json.loads(call("diagnose", study, "--no-experiments", "--bootstrap", "120", "--json").out)
    assert len(everything["runs"]) == 4


def test_the_terminal_tells_it_and_strict_answers_with_three(study: Path) -> None:
    answer = call("diagnose", study, "--no-experiments", "--bootstrap", "120", "--strict")
    established = any(
        item.verdict == "established"
        for found in diagnose(read_study(study), bootstrap=120, experiments=False)
        for item in found.findings
    )
    assert answer.status == (ExitStatus.ESTABLISHED if established else ExitStatus.OK)
    assert "points" in answer.out
    assert "switched off" in answer.out


def test_bad_calls_say_what_to_do(study: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected one of"):
        choose_runs(read_study(study), "nobody")
    with pytest.raises(UsageError, match="at least 100"):
        diagnose(read_study(study), bootstrap=10)
    review = tmp_path / "review.csv"
    review.write_text("id,label\nnobody,normal\n" + f"{next(iter(_test_ids(study)))},dog\n")
    with pytest.raises(InputError, match="2 problems"):
        diagnose(read_study(study), review=review, bootstrap=120)


def _test_ids(study: Path) -> list[str]:
    split = pd.read_parquet(study / "split.parquet")
    return list(split.loc[split["split"] == "test", "id"])


def test_nothing_to_explain_is_a_reason_in_the_closed_form() -> None:
    assert NOTHING_TO_EXPLAIN.startswith("because ")
