"""From points to a verdict: limits exactly at a rule's value, by hand-made numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heldout.diagnosis.causes.cause import reason_text
from heldout.diagnosis.effects import regains
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.verdict import Decision, rounded_up, undecided, weigh, weigh_effects
from heldout.diagnosis.words import IMAGES
from heldout.records import ReasonKind
from heldout.stats.measured import simultaneous
from tests.worlds.made_numbers import effect, points

WITHIN, RAISES, MORE = ReasonKind.WITHIN_MARGIN, ReasonKind.RAISES_TEST, ReasonKind.MORE_IMAGES
TINY = 1e-6


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict", "kind"),
    [
        pytest.param(-1.5, 0.0, 1.5, "excluded", WITHIN, id="exactly the margin"),
        pytest.param(-1.5, 0.0, 1.5 + TINY, "not identifiable", MORE, id="above the margin"),
        pytest.param(-1.5 - TINY, 0.0, 1.5, "not identifiable", MORE, id="below the margin"),
        pytest.param(0.5, 1.0, 1.5, "excluded", WITHIN, id="surely half a point"),
        pytest.param(0.5, 1.0, 1.5 + TINY, "suggested", ReasonKind.NONE, id="perhaps more than the margin"),
        pytest.param(0.0, 3.0, 6.0, "not identifiable", MORE, id="from 0 on"),
        pytest.param(TINY, 3.0, 6.0, "suggested", ReasonKind.NONE, id="above 0"),
        pytest.param(-6.0, -3.0, 0.0, "not identifiable", MORE, id="up to 0"),
        pytest.param(-6.0, -3.0, -TINY, "excluded", RAISES, id="below 0"),
    ],
)
def test_the_interval_decides(low: float, value: float, high: float, verdict: str, kind: ReasonKind) -> None:
    found = weigh(points(value, low, high), None, RULES)
    assert (found.verdict, found.kind) == (verdict, kind)
    assert weigh(points(value, low, high), False, RULES) == found, "what does not agree is as none"
    agreed = weigh(points(value, low, high), True, RULES)
    assert agreed == (replace(found, verdict="established") if verdict == "suggested" else found)


def test_the_margin_is_the_rule() -> None:
    measured = points(3.0, 1.0, 5.0)
    assert weigh(measured, True, RULES).verdict == "established"
    assert weigh(measured, True, replace(RULES, margin=5.0)).kind is WITHIN
    assert weigh(measured, True, replace(RULES, margin=4.9)).verdict == "established"


def test_it_says_how_many_images_would_do() -> None:
    """Of 100 images ±4 about 1: to keep 0 out ±1 is needed, 16 times as many. About 0 ±1.5 is: (4 / 1.5)² = 7.1."""
    assert weigh(points(1.0, -3.0, 5.0, n=100), None, RULES) == Decision("not identifiable", MORE, 1600, 100)
    assert weigh(points(0.0, -4.0, 4.0, n=100), None, RULES) == Decision("not identifiable", MORE, 720, 100)
    assert [rounded_up(number) for number in (7.1, 99.2, 101.0, 1234.0)] == [8, 100, 110, 1300]


@pytest.mark.parametrize(
    ("changed", "comparisons", "verdict"),
    [(5, 1, "not identifiable"), (6, 1, "suggested"), (6, 2, "not identifiable"), (7, 2, "suggested")],
)
def test_a_handful_of_changed_images_is_not_enough(changed: int, comparisons: int, verdict: str) -> None:
    """All to the worse, one a patient: p is 2 / 2^u, so 1/16, 1/32, 1/64 against .05, or half of it."""
    found = weigh_effects(points(3.0, 1.0, 5.0), [effect(worse=changed)], None, RULES, comparisons)
    assert found.verdict == verdict
    if verdict == "not identifiable":
        assert (found.kind, found.wanted, found.seen) == (MORE, 0, changed)


@pytest.mark.parametrize(("patients", "kind"), [(252, ReasonKind.MORE_PATIENTS), (253, WITHIN)])
def test_no_change_in_too_few_patients_excludes_nothing(patients: int, kind: ReasonKind) -> None:
    """Wilson's upper end of 0 of 252 is 1.5015 %, of 253 it is 1.4957 %."""
    none = effect(worse=0, n=patients)
    found = weigh_effects(none.lost, [none], None, RULES)
    assert found.kind is kind
    if kind is ReasonKind.MORE_PATIENTS:
        assert (found.verdict, found.wanted, found.seen) == ("not identifiable", 253, 252)


@pytest.mark.parametrize(("regained", "agrees"), [(1.0, True), (1.0 - TINY, False), (9.0, True), (9.0 + TINY, False)])
def test_the_reverse_agrees_within_a_factor(regained: float, agrees: bool) -> None:
    lost = points(3.0, 2.0, 4.0)
    assert regains(lost, points(regained, 0.5, 10.0), RULES.agreement) is agrees
    assert not regains(lost, points(3.0, 0.0, 6.0), RULES.agreement), "an interval from 0 on agrees with nothing"


def test_the_largest_of_several_has_a_wider_interval() -> None:
    """For four comparisons 2.4977 standard deviations instead of 1.96: a factor of 1.2743."""
    one = points(3.0, 1.0, 5.0)
    assert simultaneous(one, 1, RULES.level) is one
    four = simultaneous(one, 4, RULES.level)
    assert (four.low, four.high) == (pytest.approx(3 - 2 * 1.2743, abs=1e-3), pytest.approx(3 + 2 * 1.2743, abs=1e-3))


@pytest.mark.parametrize(
    ("seen", "wanted", "told"),
    [
        (29, 30, "more images: 29 are too few to tell anything, 30 or so are the least"),
        (400, 10_000, "about 10,000 IMAGES instead of 400"),
        (400, 11_000, "more than 25 times the 400 IMAGES, so little does it cost, if anything"),
        (400, 0, "more IMAGES than the 400 that changed sides"),
    ],
)
def test_how_many_images_would_tell_is_said_where_they_can_be_had(seen: int, wanted: int, told: str) -> None:
    assert reason_text(undecided(MORE, wanted, seen), RULES).replace(IMAGES, "IMAGES") == told
