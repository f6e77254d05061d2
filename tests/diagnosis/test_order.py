"""Which cause is told first, and which is called the main reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heldout.answer.why import not_judged, not_judged_sentence
from heldout.diagnosis.causes import causes
from heldout.diagnosis.diagnose import diagnose_run
from heldout.diagnosis.order import ordered
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.summary import reasons
from heldout.records import Estimate, Finding, ReasonKind
from heldout.records.diagnosis import Verdict
from tests.worlds.edge_cases import NOT_JUDGED
from tests.worlds.made_numbers import points
from tests.worlds.made_runs import clustered, of_parts

SHELF = {cause.code: cause for cause in causes}


def finding(code: str, verdict: Verdict, value: float | None) -> Finding:
    measured = None if value is None else Estimate(value, value - 1, value + 1, 100, "made")
    return Finding(code, SHELF[code].title, verdict, measured, f"The {code}.", priority=value or 0.0)


SITE = replace(finding("new-site", "suggested", None), alternatives=("difficulty",))


def codes(*found: Finding) -> list[str]:
    return [item.code for item in ordered(found, SHELF)]


def told(*found: Finding, gap: float = 47.4, learnable: float | None = None, copies: bool = True) -> str:
    known = None if learnable is None else points(learnable, learnable - 2, learnable + 2)
    return " ".join(reasons(ordered(found, SHELF), SHELF, gap, known, copies, RULES))


def test_what_explains_most_stands_before_what_is_surest() -> None:
    token, shift = finding("shortcut", "established", 6.7), finding("covariate-shift", "suggested", 34.9)
    assert codes(token, shift) == ["covariate-shift", "shortcut"]
    assert codes(finding("shortcut", "established", 17.5), shift) == ["shortcut", "covariate-shift"], "half of 34.9"
    assert codes(finding("prior", "excluded", 0.0), finding("labels", "not identifiable", 0.0), shift)[0] == shift.code


def test_a_point_that_is_only_suggested_counts_by_the_rule() -> None:
    token, shift = finding("shortcut", "established", 6.7), finding("covariate-shift", "suggested", 34.9)
    other = replace(RULES, suggested_weight=0.1)
    assert [item.code for item in ordered([token, shift], SHELF, other)] == ["shortcut", "covariate-shift"]


def test_what_takes_labels_that_nobody_read_at_their_word_counts_as_suggested() -> None:
    """Harder images wait for a reader only; class shares would be nothing if the labels are wrong."""
    shares, harder = (
        replace(finding(code, "suggested", points), kind=ReasonKind.REVIEW)
        for code, points in (("prior", 10.0), ("difficulty", 6.0))
    )
    assert codes(shares, harder) == ["difficulty", "prior"]
    assert codes(replace(shares, priority=13.0), harder) == ["prior", "difficulty"]


def test_leakage_that_is_established_and_a_new_site_come_before_all() -> None:
    leak, token = finding("leakage", "established", 2.0), finding("shortcut", "established", 30.0)
    assert codes(token, leak, SITE) == ["leakage", "new-site", "shortcut"]
    assert codes(token, replace(leak, verdict="suggested")) == ["shortcut", "leakage"]
    assert codes(token, replace(SITE, verdict="excluded")) == ["shortcut", "new-site"]


def test_the_main_reason_is_not_a_sure_one_that_explains_little() -> None:
    """Said before: "Main reason: shortcut, 6.7 points" of a gap of 47.4, of which 34.9 were suggested for another."""
    said = told(
        finding("shortcut", "established", 6.7), finding("covariate-shift", "suggested", 34.9), SITE, learnable=34.9
    )
    assert "Main reason" not in said
    assert said.startswith("The new-site."), "that all test images are of another site is said first"
    assert "Established: shortcut, 6.7 of 47.4 points [5.7, 7.7]." in said
    assert "Most likely reason for the rest, not shown by a trial: covariate shift (appearance), 34.9 of 47.4" in said
    assert "Most of the rest, 34.9 points [32.9, 36.9], could be learned from images like those of test." in said


@pytest.mark.parametrize(("value", "title"), [(23.7, "Main reason: "), (23.6, "Largest reason shown: ")])
def test_the_main_reason_accounts_for_half_of_the_gap(value: float, title: str) -> None:
    assert told(finding("shortcut", "established", value)).startswith(f"{title}shortcut, {value} of 47.4 points")


def test_where_changed_copies_are_not_looked_for_no_other_cause_is_the_main_reason() -> None:
    token, leak = finding("shortcut", "established", 40.0), finding("leakage", "established", 30.0)
    assert told(token, copies=False).startswith("Largest reason that could be measured: shortcut")
    found = told(replace(token, priority=10.0), leak, copies=False)
    assert found.startswith("Before all else: leakage from train into validation, 30.0 of 47.4 points [29.0, 31.0].")


def test_with_a_new_site_no_cause_is_the_main_reason() -> None:
    assert "Main reason" not in told(finding("shortcut", "established", 40.0), SITE)


def test_what_is_only_suggested_says_that_no_trial_showed_it() -> None:
    hard = replace(finding("difficulty", "suggested", 30.0), alternatives=("labels",))
    said = told(hard)
    assert said.startswith("Most likely reason, not shown by a trial: harder test images, 30.0 of 47.4 points")
    assert "wrong labels on test would look the same" in said
    assert told() == "No single cause could be shown."


def test_what_could_be_learned_is_told_where_most_is_not_established() -> None:
    token = finding("shortcut", "established", 6.7)
    assert "Most of the rest, 20.4 points [18.4, 22.4], could be learned" in told(token, learnable=20.4)
    assert " 20.0 points [18.0, 22.0] could be learned" in told(token, learnable=20.0), "less than half of the rest"
    assert " 41.0 points [39.0, 43.0] could be learned" in told(token, learnable=41.0), "more than the rest"
    assert "could be learned" not in told(token, learnable=1.5), "perhaps nothing"
    assert "could be learned" not in told(finding("shortcut", "established", 24.0), learnable=20.0)


def test_what_costs_more_alone_than_the_gap_is_no_part_of_it() -> None:
    assert "shortcut, 50.0 points [49.0, 51.0]" in told(finding("shortcut", "established", 50.0))


def test_a_share_stands_in_for_the_points_in_the_summary() -> None:
    token = replace(finding("shortcut", "established", 40.0), share=Estimate(29.6, 25.0, 34.0, 100, "made"))
    assert "shortcut, 29.6 of 47.4 points [25.0, 34.0], its share of what it costs" in told(token)


def test_what_cannot_be_judged_for_the_same_reason_is_said_once() -> None:
    found = diagnose_run(of_parts(clustered("val", 500), clustered("test", 500, seed=1, offset=1.4)))
    off = [item for item in found.findings if item.kind is ReasonKind.SWITCHED_OFF]
    (group,) = not_judged(found.findings)
    assert len(off) >= 4 and [item.code for item in group] == [item.code for item in off]
    sentence = not_judged_sentence(group)
    assert sentence.startswith("Not judged, since the experiments were switched off: ")
    assert all(item.cause in sentence for item in off)
    assert found.summary.count(sentence) == 1


def test_one_cause_alone_keeps_its_own_reason() -> None:
    one = replace(finding("shortcut", "not identifiable", None), shared_reason="of x")
    assert not_judged([one]) == ()
    other = replace(finding("batchnorm", "not identifiable", None), shared_reason="of y")
    assert not_judged([one, other, replace(one, code="z")]) == ((one, replace(one, code="z")),)


def test_without_a_gap_no_cause_could_be_judged_and_that_is_one_reason() -> None:
    found = diagnose_run(NOT_JUDGED["no test"]())
    (group,) = not_judged(found.findings)
    assert len(group) == len(found.findings) and "that needs a test set" in not_judged_sentence(group)
