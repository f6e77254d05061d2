"""One term of the gap as it was measured."""

from __future__ import annotations

from dataclasses import dataclass

from heldout.records import TermStatus
from heldout.stats.measured import Measured


@dataclass(frozen=True)
class GapTerm:
    """Points of the gap with the way in which they were found.

    Attributes:
        points: With replicates; None where what it is worth stands in ranking.
        status: Whether it was measured.
        detail: How, or why it is zero or missing, in a sentence without its full stop.
        undecided: Points, at most, that classes too small to be judged may add to it or take from it; they stand in
            ranking, and `detail` names the classes.
    """

    points: Measured | None
    status: TermStatus
    detail: str
    undecided: float = 0.0

    @classmethod
    def nothing(cls, like: Measured, detail: str) -> GapTerm:
        """Exactly 0: its cause cannot have acted."""
        return cls(Measured.constant(0.0, like), TermStatus.NOTHING, detail)
