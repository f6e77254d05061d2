"""Which further trials speak against a change: limits exactly at 0 and at the margin, and paired differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heldout.diagnosis.rules import RULES
from heldout.diagnosis.trials import WORDS, Trials, counts
from heldout.diagnosis.verdict import Decision, heard, undecided
from heldout.records import ReasonKind
from heldout.stats.measured import Measured
from tests.worlds.made_numbers import points, surely

WHOLE = surely(6.0)  # [3, 9]
TINY = 1e-6


@pytest.mark.parametrize(
    ("low", "high", "does"),
    [(TINY, 1.5 + TINY, True), (0.0, 3.0, False), (TINY, 1.5, False), (-3.0, -1.0, False)],
)
def test_what_counts_is_surely_above_0_and_perhaps_above_the_margin(low: float, high: float, does: bool) -> None:
    assert counts(points((low + high) / 2, low, high), RULES) is does


@pytest.mark.parametrize(
    ("trials", "against"),
    [
        (Trials(WHOLE), ""),
        (Trials(WHOLE, reverse=surely(6.0)), ""),
        (Trials(WHOLE, reverse=points(-2.0, -4.0, 0.0)), ""),
        (Trials(WHOLE, reverse=points(-2.0, -4.0, -TINY)), "reverse"),
        (Trials(WHOLE, reverse=points(-1.0, -1.5, -0.5)), ""),
        (Trials(WHOLE, half=surely(3.0)), ""),
        (Trials(WHOLE, half=points(0.0, -2.0, 2.0)), ""),
        (Trials(WHOLE, half=points(-2.0, -4.0, -TINY)), "dose"),
        (Trials(WHOLE, half=points(12.0, 11.0, 13.0)), "dose"),
        (Trials(WHOLE, control=points(0.5, 0.0, 1.0)), ""),
        (Trials(WHOLE, control=points(2.0, 1.0, 2.9)), ""),
        (Trials(WHOLE, control=points(3.0, 3.0, 9.0)), "control"),
        (Trials(WHOLE, surely(-6.0), points(12.0, 11.0, 13.0), WHOLE), "reverse"),
    ],
)
def test_a_trial_speaks_against_a_change(trials: Trials, against: str) -> None:
    assert trials.against(RULES) == against
    decision = heard(Decision("suggested", about="x"), trials, RULES)
    if not against:
        assert decision == Decision("suggested", about="x")
    else:
        assert (decision.verdict, decision.kind, decision.trial) == ("excluded", ReasonKind.CONTRADICTED, against)
        assert decision.about == "x" and WORDS[decision.trial]


def test_a_dose_is_compared_image_by_image() -> None:
    """Intervals overlap, but in every replicate half costs 2 points more than the whole."""
    drawn = np.linspace(0.0, 10.0, 101)
    whole = Measured(5.0, drawn, 100, "made")
    assert Trials(whole, half=Measured(7.0, drawn + 2.0, 100, "made")).against(RULES) == "dose"
    assert Trials(whole, half=Measured(7.0, drawn[::-1] + 2.0, 100, "made")).against(RULES) == ""


def test_what_is_no_cause_stays_what_it_is_and_the_margin_is_the_rule() -> None:
    trials = Trials(WHOLE, reverse=surely(-6.0))
    for decision in (undecided(ReasonKind.MORE_IMAGES), Decision("excluded", ReasonKind.WITHIN_MARGIN)):
        assert heard(decision, trials, RULES) == decision
    assert heard(Decision("established"), trials, RULES).verdict == "excluded"
    assert heard(Decision("established"), trials, replace(RULES, margin=9.0)).verdict == "established"
