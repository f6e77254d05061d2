"""Chosen on test: the test score that is reported was the largest of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.gap.chosen_on_test import Known
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, undecided, weigh
from heldout.diagnosis.words import PATIENTS, said
from heldout.records import ReasonKind
from heldout.stats.measured import Measured


@dataclass(frozen=True)
class Flattery:
    """What choosing by test score flatters.

    Attributes:
        points: Points by which the reported test score is too high.
        true_gap: The gap with that added.
        said: Whether somebody says that the choice was made on test.
        candidates: Number of candidates.
        noun: What they are, in words.
    """

    points: Measured
    true_gap: Measured
    said: bool
    candidates: int
    noun: str


class ChosenOnTest(Cause[Flattery]):
    """The epoch, the model or the settings were chosen for being best on the very test images that are reported.

    How it is detected: Only where the test answers of all candidates are there (a table with a column `epoch` or
    `candidate`; for a choice among the runs of a study, these runs) and somebody says that the choice was made on test
    (`--chosen-on test`). The test patients are halved at random, {halvings} times; on one half the candidate that is
    best there is chosen and scored on the other half, then the halves swap. The reported test score minus the mean of
    those scores is what the choice flatters, on average over test sets like this one. It stands first in the budget,
    with a minus, since it hides a part of the gap. Where nobody says it, but the run is the best of its candidates on
    test, that is asked. `heldout` itself never chooses on test: a strategy cannot reach the test images.

    Why it matters: The best test score of thirty epochs is partly the luckiest one. New patients do not bring that luck
    along, so that the true gap is larger than the one reported, and models that were tried with more candidates look
    better than they are.

    What to do: Choose on validation, or report the last epoch; where test has been used to choose, report the score on
    new patients, or that of a nested choice.
    """

    code: ClassVar[str] = "chosen-on-test"
    title: ClassVar[str] = "Chosen on test"
    remedy: ClassVar[str] = (
        "Choose on validation or report the last epoch; else report a nested choice or new patients."
    )
    term: ClassVar[str | None] = "chosen-on-test"

    def measure(self, data: CauseData) -> Flattery | Missing:
        """What the choice flatters, if it may have been made."""
        found = data.gap.on_test
        if found.flattery is not None:
            gap = data.gap.gap
            return Flattery(found.flattery, gap + found.flattery, found.said, found.candidates, found.noun)
        if found.known is Known.NOTHING:
            text = "nothing says that anything was chosen by its test score (`--chosen-on test` would)"
            return Missing(ReasonKind.DOES_NOT_APPLY, text)
        if found.known in (Known.ANOTHER_IS_BETTER, Known.ONE):
            return Missing(ReasonKind.DOES_NOT_APPLY, found.detail)
        if found.known is Known.FEW_PATIENTS:
            return Missing(ReasonKind.MORE_PATIENTS, f"more test {PATIENTS} ({found.detail})")
        return Missing(ReasonKind.PARTS_MISSING, "the test answers of everything that was chosen among")

    def decide(self, measured: Flattery, rules: Rules) -> Decision:
        """Choosing again on half the patients is itself the intervention; whether there was a choice has to be said."""
        if not measured.said:
            return undecided(ReasonKind.NOT_SAID)
        decision = weigh(measured.points, True, rules)
        # It raises test, so it is no reason for a gap: told whatever the gap is, and never the main reason.
        return Decision(decision.verdict, decision.kind, decision.wanted, decision.seen, 0.0, fault=decision.positive)

    def tell(self, measured: Flattery, decision: Decision, rules: Rules) -> Told:
        """What it flatters, and the gap without it."""
        points, among = measured.points, f"{measured.candidates} {measured.noun}"
        numbers = {
            "candidates": float(measured.candidates),
            "flattery_points": points.value,
            "true_gap_points": measured.true_gap.value,
        }
        if not measured.said:
            reason = "it to be said whether it was chosen for that (`--chosen-on test`)"
            sentence = (
                f"This is the best of {among} on test. If it was chosen for that, test is flattered by {said(points)}."
            )
            return Told(f"{sentence} Whether it was has to be said.", False, reason, numbers=numbers)
        sentence = f"Choosing the best of {among} by the test score flatters test by"
        told = f"{sentence} {said(points)}; the gap is really {said(measured.true_gap)}."
        if decision.verdict == "excluded":
            told = f"{sentence} no more than {points.high:.1f} points."
        if decision.verdict == "not identifiable":
            told = f"{sentence} {said(points)}, which is too uncertain to tell."
        reason = f"choosing on one half of the test {PATIENTS} loses nothing on the other" if points.high < 0 else ""
        explains = {"chosen-on-test": -points.value}
        return Told(told, False, reason, points=points * -1.0, numbers=numbers, explains=explains)


CAUSE = ChosenOnTest()
