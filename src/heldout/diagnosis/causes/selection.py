"""Selection optimism: chosen and reported on the same validation images."""

from __future__ import annotations

from typing import ClassVar

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause, said, weigh
from heldout.records import Finding
from heldout.stats.thresholds import FOLDS


class Selection(Cause):
    """Validation accuracy is flattered when the epoch or a setting was chosen for being best on those very images.

    How it is detected: The validation patients are halved at random, twenty times. On one half the epoch (or strength
    of regularisation) that is best there is chosen, and scored on the other half, then the halves swap. The reported
    accuracy minus the mean of those scores is the optimism. Weights of the last epoch were not chosen, and have none.

    Why it matters: The best of thirty epochs is partly the luckiest one; its luck does not carry over to test. The
    fewer the validation images and the more restless the curve, the more points that is (Cawley & Talbot 2010).

    What to do: Report the weights of the last epoch or an average of epochs, or choose on one part and report another
    (nested validation).
    """

    code: ClassVar[str] = "selection"
    title: ClassVar[str] = "Selection optimism"
    remedy: ClassVar[str] = "Report last-epoch or averaged weights, or choose and report on different images."
    experiments: ClassVar[tuple[str, ...]] = ("strengths",)

    def judge(self, case: Case) -> Finding:
        """The selection term, if anything was chosen."""
        points, detail = case.budget.terms["selection"], case.budget.details["selection"]
        if points.method == "exact":
            if "not measured" in detail:
                needs = f"the answers for {FOLDS} or more validation patients of everything that was chosen among"
                return self.not_identifiable(f"{needs} ({detail})")
            return self.not_applicable(detail)
        verdict, reason = weigh(points, agrees=True)  # choosing again on half the images is itself the intervention
        sentence = f"{detail[0].upper()}{detail[1:]}: reported validation accuracy is flattered by {said(points)}."
        if verdict == "excluded":
            sentence = (
                f"Choosing on the validation images ({detail}) flattered them by no more than {points.high:.1f} points."
            )
        return self.finding(verdict, sentence, points, reason=reason)


CAUSE = Selection()
