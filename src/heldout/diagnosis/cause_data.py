"""What a cause measures from: a run, its gap in terms, and the tables that several causes share."""

from __future__ import annotations

from dataclasses import dataclass, field

from heldout.diagnosis.appearance import AppearanceTable
from heldout.diagnosis.contradiction import Contradiction
from heldout.diagnosis.gap import GapBudget
from heldout.diagnosis.groups import GroupTable
from heldout.diagnosis.rules import RULES, Rules
from heldout.diagnosis.run_data import RunData
from heldout.stats.suspects import Suspects


@dataclass(frozen=True)
class CauseData:
    """Everything a cause is given.

    Attributes:
        run: The run; validation and test are there.
        gap: Its gap in terms.
        appearance: How test differs from validation in appearance, class by class.
        suspects: How doubtful each test label is; None where that cannot be judged.
        contradiction: What independent models contradict surely and alike; None with a review, and where too few models
            were asked.
        to_review: Test images to have read by two blind readers -> probability with which each was chosen.
        rules: The numbers that verdicts hang on.
        groups: Groups by further columns, and how much each loses.
    """

    run: RunData
    gap: GapBudget
    appearance: AppearanceTable = field(default_factory=AppearanceTable)
    suspects: Suspects | None = None
    contradiction: Contradiction | None = None
    to_review: dict[str, float] = field(default_factory=dict)
    rules: Rules = RULES
    groups: GroupTable = field(default_factory=GroupTable)
