"""Diagnoses from end to end, without a network: order, words, and clear answers for data that cannot be judged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from heldout.cli import ExitStatus
from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes import Cause, Told, causes
from heldout.diagnosis.diagnose import cause_data, choose_runs, diagnose, diagnose_run, judged
from heldout.diagnosis.gap import measure_budget
from heldout.diagnosis.order import explained_of, ordered
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.summary import summary
from heldout.diagnosis.verdict import Decision
from heldout.errors import InputError, UsageError
from heldout.records import TERMS, USUAL_TERMS, VERDICTS, Diagnosis, Estimate, Finding, ReasonKind
from heldout.records.codec import read_record, to_data
from heldout.records.diagnosis import BECAUSE, Verdict
from heldout.runs.folder import read_study
from tests.cli.call import call
from tests.worlds.edge_cases import EDGES, NOT_JUDGED
from tests.worlds.made_runs import clustered, listed, of_parts, read
from tests.worlds.made_study import make_study


@pytest.mark.parametrize("name", {**EDGES, **NOT_JUDGED})
def test_data_that_cannot_be_judged_get_a_clear_answer(name: str) -> None:
    """No traceback, no cause that failed, no number that is not finite, and always a word on what is needed."""
    found = diagnose_run({**EDGES, **NOT_JUDGED}[name]())
    assert found.summary
    json.dumps(to_data(found), allow_nan=False)
    assert sorted(finding.code for finding in found.findings) == sorted(cause.code for cause in causes)
    for finding in found.findings:
        assert finding.verdict in VERDICTS
        assert finding.verdict != "failed", finding.reason
        if finding.code not in ("selection", "chosen-on-test"):  # an epoch was chosen there
            assert finding.verdict != "established", "nothing was planted"
        if name in NOT_JUDGED:
            assert (finding.verdict, finding.kind) == ("not identifiable", ReasonKind.PARTS_MISSING)
        if finding.verdict == "not identifiable":
            assert finding.kind not in BECAUSE
    assert bool(found.budget) == (found.gap_points is not None) == (name not in NOT_JUDGED)
    assert found.limits


def test_the_null_claims_nothing_and_says_so_first() -> None:
    found = diagnose_run(of_parts(clustered("val", 400), clustered("test", 400, seed=3)))
    assert not found.explained and found.findings[0].code == "chance"
    assert {item.verdict for item in found.findings if item.code != "chance"} <= set(VERDICTS[2:])
    assert all(item.priority == 0 for item in found.findings if item.code != "chance")


def test_a_moved_threshold_is_named_first_with_its_remedy() -> None:
    found = diagnose_run(of_parts(clustered("val", 500), clustered("test", 500, seed=1, offset=1.4)))
    first = found.findings[0]
    assert (first.code, first.verdict) == ("threshold", "established")
    best = found.remedies[0]
    assert best.cause == "threshold"
    assert not best.exploratory
    assert best.gain_points.low > 0
    assert [term.term for term in found.budget] == list(USUAL_TERMS)
    assert sum(term.points.value for term in found.budget) == pytest.approx(found.gap_points.value, abs=1e-6)  # type: ignore[union-attr]


def test_a_review_turns_the_bound_into_points() -> None:
    test = clustered("test", 400, seed=5)
    rng = np.random.default_rng(0)
    wrong = rng.random(400) < 0.15
    planted = of_parts(clustered("val", 400), replace(test, labels=np.where(wrong, 1 - test.labels, test.labels)))
    before = diagnose_run(planted)
    labels = next(item for item in before.findings if item.code == "labels")
    assert labels.verdict == "not identifiable"
    assert before.review == listed(planted)
    after = diagnose_run(read(planted, test.labels, before.review))
    first = after.findings[0]
    assert (first.code, first.verdict) == ("labels", "established")
    lost = 100 * float(
        (test.predicted == test.labels).mean()
        - (test.predicted == np.where(wrong, 1 - test.labels, test.labels)).mean()
    )
    assert first.points is not None
    assert first.points.low <= lost <= first.points.high


def finding(code: str, verdict: Verdict, priority: float, **explains: float) -> Finding:
    points = Estimate(priority, priority - 1, priority + 1, 100, "made")
    return Finding(code, code, verdict, points, "", priority=priority, explains=explains)


SHELF = {cause.code: cause for cause in causes}


def test_what_lies_upstream_takes_its_points_from_what_lies_downstream() -> None:
    """Blur that moves the scores explains the threshold; it does so only where it is established."""
    threshold = finding("threshold", "established", 9.0)
    blur = finding("image-quality", "established", 8.0, threshold=7.0, ranking=1.0)
    assert [item.code for item in ordered([threshold, blur], SHELF)] == ["image-quality", "threshold"]
    assert ordered([threshold, blur], SHELF)[1].priority == pytest.approx(2.0)
    doubtful = replace(blur, verdict="suggested")
    assert [item.code for item in ordered([threshold, doubtful], SHELF)] == ["threshold", "image-quality"]


def test_what_acts_through_images_explains_harder_images_unless_it_says_otherwise() -> None:
    hard = finding("difficulty", "established", 6.0)
    shift = finding("covariate-shift", "established", 5.0, threshold=2.0, ranking=3.0)
    assert explained_of(shift, "difficulty") == 5.0 and explained_of(shift, "prior") == 5.0
    assert explained_of(shift, "threshold") == 2.0
    told = replace(shift, explains={**shift.explains, "difficulty": 0.0})
    assert [item.priority for item in ordered([hard, told], SHELF)] == [6.0, 5.0]
    assert explained_of(finding("prior", "established", 5.0, prior=5.0), "threshold") == 0.0


def test_of_equal_points_the_name_decides() -> None:
    same = [finding(code, "suggested", 3.0) for code in ("shortcut", "image-quality", "leakage")]
    assert [item.code for item in ordered(same, SHELF)] == ["image-quality", "leakage", "shortcut"]


def test_causes_that_share_what_they_break_are_said_to_overlap() -> None:
    """Wording is the promise here: whoever adds the numbers up has to be warned, and only then."""
    run = of_parts(clustered("val", 500), clustered("test", 500, seed=1, offset=1.4))
    gap = measure_budget(run)
    assert 5 < gap.gap.value < 16

    def warned(*found: Finding) -> bool:
        return "counted in each" in summary(run, gap, found, (), SHELF)

    blur, token = finding("image-quality", "established", 9.0), finding("shortcut", "established", 8.0)
    assert warned(blur, token)
    assert not warned(blur) and not warned(blur, finding("shortcut", "established", 0.5))
    assert not warned(blur, replace(token, verdict="suggested"))
    assert not warned(blur, finding("threshold", "established", 8.0))


class Broken(Cause[int]):
    """A cause of another package that raises."""

    code: ClassVar[str] = "broken"
    title: ClassVar[str] = "Broken"
    remedy: ClassVar[str] = "None."

    def measure(self, data: CauseData) -> int:
        raise ZeroDivisionError("made")

    def decide(self, measured: int, rules: Rules) -> Decision:
        raise AssertionError("never asked")

    def tell(self, measured: int, decision: Decision, rules: Rules) -> Told:
        raise AssertionError("never asked")


def test_a_cause_that_fails_says_so_and_sinks_no_other() -> None:
    found = judged(Broken(), cause_data(of_parts(clustered("val", 40), clustered("test", 40))))
    assert (found.verdict, found.kind, found.priority) == ("failed", ReasonKind.ERROR, 0.0)


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
    assert {"kind", "explains", "alternatives"} <= set(data["findings"][0])
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


def test_a_run_that_is_set_aside_or_not_there_is_said(tmp_path: Path) -> None:
    study = make_study(tmp_path, n_train=20, n_val=20, n_test=20, epochs=2)
    torn, whole = (read_study(study).runs[k].record.id for k in (0, 1))
    (study / "runs" / torn / "predictions.parquet").write_bytes(b"")
    with pytest.raises(InputError, match="What was asked for is set aside"):
        choose_runs(read_study(study), torn)
    assert [run.record.id for run in choose_runs(read_study(study), whole)] == [whole]
    for run in (study / "runs").iterdir():
        (run / "run.json").unlink()
    with pytest.raises(UsageError, match="no complete run"):
        choose_runs(read_study(study), None)


def _test_ids(study: Path) -> list[str]:
    split = pd.read_parquet(study / "split.parquet")
    return list(split.loc[split["split"] == "test", "id"])
