"""The term of a choice made on test: what choosing a model or an epoch by its test score flatters test."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from heldout.diagnosis.gap.choice import by_accuracy, by_halves, chosen_anew, optimism, right_of
from heldout.diagnosis.gap.term import GapTerm
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.run_data import RunData
from heldout.records import TermStatus
from heldout.records.predictions import Predictions
from heldout.stats.measured import Measured
from heldout.stats.scores import Reals
from heldout.stats.thresholds import FOLDS
from heldout.stats.weighted import weighted_mean
from heldout.ties import SAME_LOSS


class Known(StrEnum):
    """What is known of a choice on test."""

    NOTHING = "nothing says that there was one"
    SAID = "said"
    """Somebody says so, and what it flatters is measured."""
    ASKED = "asked"
    """Nobody says so, but the run is the best of its candidates on test."""
    ANOTHER_IS_BETTER = "another is better"
    """Another candidate is better on test: the run was not chosen by that score."""
    ONE = "one candidate"
    """There was nothing to choose among."""
    NO_ANSWERS = "no answers"
    """Somebody says so, but the test answers of the other candidates are missing."""
    FEW_PATIENTS = "few patients"
    """Somebody says so, but test has too few patients to choose on one half of them."""


@dataclass(frozen=True)
class ChoiceOnTest:
    """A choice by test score, as far as it is known.

    Attributes:
        known: What is known of it.
        said: Whether somebody says that there was one.
        candidates: Number of candidates whose answers are there, the run among them; 0 without any.
        noun: What they are, in words: `epochs`, `runs`, `candidates`.
        flattery: Points by which it flatters test; only where it was said or may be asked.
        better: Points by which another candidate is better on test than the run.
        patients: Number of test patients.
        drawn: Who is halved, in words (`RunData.drawn`).
    """

    known: Known = Known.NOTHING
    said: bool = False
    candidates: int = 0
    noun: str = "candidates"
    flattery: Measured | None = None
    better: float = 0.0
    patients: int = 0
    drawn: str = "patients"

    @property
    def detail(self) -> str:
        """How the term was measured, or why not, in a sentence without its full stop."""
        if self.known is Known.NO_ANSWERS:
            return "chosen by its test score; not measured, since the test answers of the other candidates are missing"
        among = f"{self.candidates} {self.noun}"
        if self.known is Known.ONE:
            return "there was one candidate, so that nothing was chosen"
        if self.known is Known.ANOTHER_IS_BETTER:
            return f"another of the {among} is better on test by {self.better:.1f} points"
        if self.known is Known.FEW_PATIENTS:
            return (
                f"the best of {among} on test; not measured, since the number of test {self.drawn} is {self.patients}"
            )
        return f"the best of {among} on test; chosen on one half of the test {self.drawn} and scored on the other"


def choice_on_test(run: RunData, rules: Rules) -> ChoiceOnTest:
    """What is known of a choice by test score, and what it flatters.

    Candidates are those whose test answers were given (`candidates`); without any, the runs of the study, if
    somebody says that this one was chosen by its test score.
    """
    said, test = run.learning.chosen_on == "test", run.test
    assert test is not None
    right, noun = _candidates(run, test, said)
    if right is None or run.learning.chosen_on == "val":
        return ChoiceOnTest(Known.NO_ANSWERS if said else Known.NOTHING, said)
    if len(right) == 1:
        return ChoiceOnTest(Known.ONE, said, 1, noun)
    m, reported, sample = len(right), test.right.astype(np.float64), run.draws.test[:1]
    scores = [float(weighted_mean(one, sample)[0]) for one in (reported, *right)]
    better = 100 * (max(scores) - scores[0])
    if better > 100 * SAME_LOSS:
        return ChoiceOnTest(Known.ANOTHER_IS_BETTER, said, m, noun, better=better)
    patients = len(np.unique(test.units))
    if patients < FOLDS:
        return ChoiceOnTest(
            Known.FEW_PATIENTS if said else Known.NOTHING, said, m, noun, patients=patients, drawn=run.drawn
        )
    found, weights = by_accuracy(right, reported, noun), run.draws.test
    unselected = by_halves(
        found,
        test.units,
        weights,
        weights,
        plain=run.draws.plain,
        halvings=rules.halvings,
        seed=(run.bootstrap_seed, 8),
    )
    flattery = optimism(chosen_anew(found, weights, weights), unselected, run.draws, len(test))
    return ChoiceOnTest(
        Known.SAID if said else Known.ASKED, said, m, noun, flattery, patients=patients, drawn=run.drawn
    )


def chosen_on_test_term(found: ChoiceOnTest, like: Measured) -> GapTerm | None:
    """Minus what the choice flatters: without it test would be lower, and the gap larger, by so much.

    Returns:
        None where nobody says that there was such a choice; our own runs never make one.
    """
    if not found.said:
        return None
    if found.known in (Known.ANOTHER_IS_BETTER, Known.ONE):
        return GapTerm.nothing(like, found.detail)
    if found.flattery is None:
        return GapTerm(Measured.constant(0.0, like), TermStatus.NOT_MEASURED, found.detail)
    return GapTerm(found.flattery * -1.0, TermStatus.MEASURED, found.detail)


def _candidates(run: RunData, test: Predictions, said: bool) -> tuple[Reals | None, str]:
    """Which candidates are right on each test image, (m, n), and what they are; None where that is not known."""
    given = run.candidates
    if given is not None:
        names = {variant.partition("=")[0] for variant in given.variants}
        noun = "epochs" if names == {"epoch"} else "candidates"
        return right_of(given, test), noun
    others = [other.test for other in run.siblings if said and other.test is not None and other.test.ids == test.ids]
    return (np.stack([one.right for one in (test, *others)]).astype(np.float64) if others else None), "runs"
