"""Selection optimism: chosen and reported on the same validation images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes.cause import Cause, Missing, Told
from heldout.diagnosis.rules import Rules
from heldout.diagnosis.verdict import Decision, weigh
from heldout.diagnosis.words import PATIENTS, SCORE, said
from heldout.records import ReasonKind, TermStatus
from heldout.stats.measured import Measured
from heldout.stats.thresholds import FOLDS


@dataclass(frozen=True)
class Optimism:
    """Points by which choosing flattered validation, and what was chosen, in words."""

    points: Measured
    detail: str


class Selection(Cause[Optimism]):
    """Validation accuracy is flattered when the epoch or a setting was chosen for being best on those very images.

    How it is detected: The validation patients are halved at random, {halvings} times. On one half the epoch (or
    strength of regularisation) that is best there is chosen, and scored on the other half, then the halves swap. The
    reported accuracy minus the mean of those scores is the optimism. Weights of the last epoch were not chosen, and
    have none.

    Why it matters: The best of thirty epochs is partly the luckiest one; its luck does not carry over to test. The
    fewer the validation images and the more restless the curve, the more points that is (Cawley & Talbot 2010).

    What to do: Report the weights of the last epoch or an average of epochs, or choose on one part and report another
    (nested validation).
    """

    code: ClassVar[str] = "selection"
    title: ClassVar[str] = "Selection optimism"
    remedy: ClassVar[str] = "Report last-epoch or averaged weights, or choose and report on different images."
    interventions: ClassVar[tuple[str, ...]] = ("strengths",)
    term: ClassVar[str | None] = "selection"

    def measure(self, data: CauseData) -> Optimism | Missing:
        """The selection term, if anything was chosen."""
        detail, status = data.gap.details["selection"], data.gap.status["selection"]
        if status is TermStatus.NOT_MEASURED:
            needs = f"the answers for {FOLDS} or more validation {PATIENTS} of everything that was chosen among"
            return Missing(ReasonKind.NOT_RUN, f"{needs} ({detail})")
        if status is TermStatus.NOTHING:
            return Missing(ReasonKind.DOES_NOT_APPLY, detail)
        return Optimism(data.gap.terms["selection"], detail)

    def decide(self, measured: Optimism, rules: Rules) -> Decision:
        """Choosing again on half the images is itself the intervention."""
        return weigh(measured.points, True, rules)

    def tell(self, measured: Optimism, decision: Decision, rules: Rules) -> Told:
        """What was chosen, and what that is worth."""
        points, detail = measured.points, measured.detail
        sentence = f"{detail[0].upper()}{detail[1:]}: reported validation {SCORE} is flattered by {said(points)}."
        if decision.verdict == "excluded":
            sentence = (
                f"Choosing on the validation images ({detail}) flattered them by no more than {points.high:.1f} points."
            )
        return Told(sentence, points=points, explains={"selection": points.value})


CAUSE = Selection()
