"""The gap as a size and a side, and whether it is one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heldout.answer.gap import BEST_OF_SEVERAL, NESTED, NO_TEST, Gap, comparison_sentences, gap_of, gap_sentence
from heldout.answer.names import names_in
from heldout.records import Estimate
from heldout.records.comparison import Choosing
from heldout.runs.compare import compare
from tests.worlds.made_study import RUNS, make_study


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (8.9, 5.1, 12.7, Gap(8.9, 5.1, 12.7, "lower", True)),
        (2.0, -1.0, 5.0, Gap(2.0, -1.0, 5.0, "lower", False)),
        (-2.0, -5.0, 1.0, Gap(2.0, -1.0, 5.0, "higher", False)),
        (-6.0, -9.0, -3.0, Gap(6.0, 3.0, 9.0, "higher", True)),
        (0.0, 0.0, 0.0, Gap(0.0, 0.0, 0.0, "lower", False)),
    ],
)
def test_a_gap_has_a_size_a_side_and_may_be_none(value: float, low: float, high: float, expected: Gap) -> None:
    assert gap_of(Estimate(value, low, high, 100, "made")) == expected


@given(st.floats(-50, 50), st.floats(0, 20), st.floats(0, 20))
def test_turning_a_gap_round_changes_its_side_only(value: float, below: float, above: float) -> None:
    gap = gap_of(Estimate(value, value - below, value + above, 10, "made"))
    back = gap_of(Estimate(-value, -value - above, -value + below, 10, "made"))
    assert gap.low <= gap.points <= gap.high and gap.points >= 0
    assert back.distinguishable == gap.distinguishable and back.points == gap.points
    assert value == 0 or back.test != gap.test


def test_the_sentence_says_the_side_and_whether_it_is_known(tmp_path: Path) -> None:
    row = compare(make_study(tmp_path / "s", runs=RUNS[:1]), bootstrap=200).runs[0]

    def said(value: float, low: float, high: float) -> str:
        return gap_sentence(dataclasses.replace(row, gap_points=Estimate(value, low, high, 100, "made")), "m")

    assert "8.9 points below" in said(8.9, 5.1, 12.7) and "5.1 to 12.7 points" in said(8.9, 5.1, 12.7)
    assert "6.0 points above" in said(-6.0, -9.0, -3.0) and "3.0 to 9.0 points" in said(-6.0, -9.0, -3.0)
    assert len({said(*e) for e in ((2.0, 1.0, 3.0), (2.0, -1.0, 3.0), (-2.0, -3.0, -1.0), (-2.0, -3.0, 1.0))}) == 4
    assert "could not be computed" in gap_sentence(dataclasses.replace(row, gap_points=None), "m")


def test_without_a_test_set_there_is_no_gap_to_speak_of(tmp_path: Path) -> None:
    found = compare(make_study(tmp_path / "s", runs=RUNS[:1], n_test=0), bootstrap=200)
    assert comparison_sentences(found, names_in(found))[1] == NO_TEST


def test_images_that_folds_held_back_are_not_said_to_have_steered_runs(tmp_path: Path) -> None:
    made = compare(make_study(tmp_path / "s", runs=RUNS[:2], n_test=0), bootstrap=200)
    nested = dataclasses.replace(made, runs=tuple(dataclasses.replace(row, folds=3) for row in made.runs))
    choice = Choosing(0, tuple(row.id for row in made.runs), made.runs[0].val.score)
    several = dataclasses.replace(nested, choosing=(choice,))
    assert comparison_sentences(nested, names_in(nested))[-1] == NESTED
    assert comparison_sentences(several, names_in(several))[-1] == f"{NESTED} {BEST_OF_SEVERAL}"
