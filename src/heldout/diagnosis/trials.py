"""Further trials of a change beside the one that its points come from: do they bear it out, or speak against it?

A change made to validation images costs points; so it may be why test is lower. Three things can then be asked of the
same change, and each can contradict it: undone on test, it must not cost points there too (reverse); half of it must
not cost more than the whole, nor gain (dose and response); and the same procedure where nothing differs must cost
nothing (negative control). After Hill (1965), "The environment and disease: association or causation?".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from heldout.diagnosis.rules import Rules
from heldout.stats.measured import Measured

Trial = Literal["", "reverse", "dose", "control", "remedy"]
"""Which trial speaks against a change; empty where none does."""

WORDS: dict[Trial, str] = {
    "": "",
    "reverse": "the reverse trial contradicts it: undoing it on test costs points too",
    "dose": "half of the change contradicts the whole: what does it cannot be how much of it there is",
    "control": "a control contradicts it: the same procedure costs points where nothing differs",
    "remedy": "its remedy contradicts it: tried on other test images, it regains nothing to speak of",
}
"""What follows "because" where a trial speaks against a change."""


@dataclass(frozen=True)
class Trials:
    """What else was tried on a change, each in points and from the same bootstrap.

    Attributes:
        whole: Points that the change costs; where the change undoes something on test, points that it gains.
        reverse: Points that undoing it on test regains; None where it was not tried, or cannot honestly be done.
        half: Like `whole`, for half of the change (or any smaller dose); None where not tried.
        control: Like `whole`, for the same procedure where nothing differs; None where not tried.
    """

    whole: Measured
    reverse: Measured | None = None
    half: Measured | None = None
    control: Measured | None = None

    def against(self, rules: Rules) -> Trial:
        """Which trial speaks against the change, surely and by more than the margin; empty where none does."""
        if self.reverse is not None and counts(self.reverse * -1.0, rules):
            return "reverse"
        if self.half is not None and (counts(self.half * -1.0, rules) or counts(self.half - self.whole, rules)):
            return "dose"
        if self.control is not None and counts(self.control, rules) and not (self.whole - self.control).low > 0:
            return "control"
        return ""


def counts(points: Measured, rules: Rules) -> bool:
    """Whether points are surely above 0, and not wholly within the margin.

    Args:
        points: With replicates.
        rules: `margin`.
    """
    low, high = points.interval()
    return low > 0 and high > rules.margin
