"""What is told of a diagnosis, and at which length."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from heldout.answer.gap import Gap
from heldout.answer.why import (
    alternatives_sentence,
    finding_in_short,
    gap_in_short,
    headline,
    status_words,
    verdicts_in_short,
    why_lower,
)
from heldout.records import TERMS, VERDICTS, Diagnosis, Estimate, Finding, TermStatus
from heldout.records.terms import TERM_TITLES, TERM_WORDS, VERDICT_SIGNS
from tests.report.made_diagnosis import diagnose_study, estimate, without_gap
from tests.worlds.made_study import RUNS, make_study


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    """Validation 96 %, test 80 %, one finding of every verdict."""
    folder = make_study(tmp_path_factory.mktemp("made") / "study", runs=RUNS[:1])
    return diagnose_study(folder, quality=False, pixels=False)[0]


def test_what_is_convincing_is_told_at_length_and_nothing_is_lost(made: Diagnosis) -> None:
    why = why_lower(made)
    assert [finding.verdict for finding in why.told] == ["established", "suggested", "suggested"]
    assert {f.code for f in (*why.told, *why.others)} == {f.code for f in made.findings}
    assert why.gap == Gap(pytest.approx(16.0), pytest.approx(12.5), pytest.approx(19.5), "lower", True)
    assert (why.established, why.suggested) == ((made.findings[0].cause,), 2)
    assert why.largest is not None
    assert why.largest.points.value == max(term.points.value for term in made.budget)
    gains = [remedy.gain_points.value for remedy in why.remedies]
    assert gains == sorted(gains, reverse=True) and len(gains) == len(made.remedies)


def test_where_the_gap_covers_zero_nothing_is_explained(made: Diagnosis) -> None:
    why = why_lower(without_gap(made))
    assert not why.explained and why.told == () and why.remedies == () and why.largest is None
    assert why.others == made.findings


def test_a_budget_that_takes_nothing_has_no_largest_term(made: Diagnosis) -> None:
    nothing = tuple(dataclasses.replace(t, points=estimate(-1.0, -2.0, 0.0)) for t in made.budget)
    assert why_lower(dataclasses.replace(made, budget=nothing)).largest is None
    assert why_lower(dataclasses.replace(made, budget=())).largest is None


def test_the_headline_says_the_side_or_that_there_is_none(made: Diagnosis) -> None:
    assert "test is 16.0 points lower than validation (80.0 % against 96.0 %" in headline(made, "m")
    easier = dataclasses.replace(made, gap_points=estimate(-5.0, -8.0, -2.0))
    assert "5.0 points higher" in headline(easier, "m") and "2.0 to 8.0 points" in headline(easier, "m")
    by_shares = dataclasses.replace(made, gap_points=estimate(5.0, 1.0, 9.0), explained=False)
    kinds = (made, easier, without_gap(made), by_shares, dataclasses.replace(made, gap_points=None))
    said = [headline(d, "m") for d in kinds]
    assert len(set(said)) == 5 and all(text.startswith("m: ") for text in said)
    assert [("class shares" in text) for text in said] == [False, False, False, True, False]
    whole = dataclasses.replace(made, gap_points=None)
    short = [
        gap_in_short(d)
        for d in (made, easier, without_gap(made), whole, dataclasses.replace(whole, test_accuracy=None))
    ]
    assert short[:3] == ["16.0 points lower", "5.0 points higher", "not distinguishable from no gap"]
    assert short[3:] == ["cannot be taken apart", "no gap"]


def test_verdicts_in_a_line(made: Diagnosis) -> None:
    assert verdicts_in_short(why_lower(made)) == "The line between the classes; 2 more suggested"
    assert verdicts_in_short(why_lower(dataclasses.replace(made, findings=()))) == "none"


def test_a_sentence_follows_a_full_stop_and_a_reason_a_semicolon() -> None:
    points = Estimate(2.0, 1.0, 3.0, 100, "made")
    finding = Finding("chance", "Chance", "suggested", points, "The gap is 2.0 points.")
    assert finding_in_short(finding) == "2.0 [1.0, 3.0] points. The gap is 2.0 points."
    reasoned = dataclasses.replace(finding, reason="because of luck")
    assert finding_in_short(reasoned) == "2.0 [1.0, 3.0] points; because of luck"
    assert finding_in_short(dataclasses.replace(finding, points=None)) == "The gap is 2.0 points."


def test_a_term_that_was_not_measured_says_so(made: Diagnosis) -> None:
    assert status_words(made.budget[0]) == ""
    for status in set(TermStatus) - {TermStatus.MEASURED}:
        assert status_words(dataclasses.replace(made.budget[0], status=status)) == status.value


def test_causes_that_would_look_the_same_are_named_by_their_titles(made: Diagnosis) -> None:
    harder, other = made.findings[:2]
    assert alternatives_sentence(made, harder) == ""
    doubtful = dataclasses.replace(harder, alternatives=(other.code, "unknown-cause"))
    said = alternatives_sentence(made, doubtful)
    assert other.cause in said and "unknown-cause" in said


def test_every_term_and_verdict_has_words(tmp_path: Path) -> None:
    assert tuple(TERM_TITLES) == tuple(TERM_WORDS) == TERMS
    assert tuple(VERDICT_SIGNS) == VERDICTS
    assert len(set(VERDICT_SIGNS.values())) == len(VERDICTS)
