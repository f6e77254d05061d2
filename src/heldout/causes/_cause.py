"""What a cause is, and how a measured number becomes a verdict."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from typing import ClassVar

from heldout.causes._case import Case
from heldout.records import Finding, Remedy, Verdict
from heldout.stats.measured import Measured

MARGIN = 1.5
"""A cause whose whole interval lies within ± this many points is excluded."""

PARTS = ("How it is detected", "Why it matters", "What to do")
"""The headings every cause's manual entry has, in this order."""


class Cause(ABC):
    """One possible reason for a lower test score. A subclass, in a file of its own, is bound to `CAUSE` as an instance.

    The class docstring is its manual entry (`heldout causes`, docs/causes): a summary line, then three parts headed
    `How it is detected:`, `Why it matters:` and `What to do:`.

    Attributes:
        code: Stable name, as in the JSON.
        title: In words.
        level: 0 for a cause that lies in data or training, 1 for a shift of looks, 2 for a mechanism that others act
            through (threshold, difficulty): findings of a higher level are ordered after what those of a lower one
            leave of their points.
        remedy: What to do, in one sentence.
        experiments: Names of the experiments it judges from, for the text that says what is missing.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    level: ClassVar[int] = 0
    remedy: ClassVar[str]
    experiments: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def judge(self, case: Case) -> Finding:
        """The verdict on one run; never raises for data it cannot judge, but says what it would need."""

    def remedies(self, case: Case) -> tuple[Remedy, ...]:
        """What was tried against this cause, each with the gain it was measured to have on test; none by default."""
        return ()

    def finding(
        self,
        verdict: Verdict,
        sentence: str,
        points: Measured | None = None,
        *,
        reason: str = "",
        images: tuple[str, ...] = (),
        numbers: dict[str, float] | None = None,
        alternatives: tuple[str, ...] = (),
    ) -> Finding:
        """A finding of this cause; its priority is its points where it is established or suggested."""
        weight = points.value if points is not None and verdict in ("established", "suggested") else 0.0
        return Finding(
            code=self.code,
            cause=self.title,
            verdict=verdict,
            points=None if points is None else points.estimate(),
            sentence=sentence,
            images=images,
            remedy=self.remedy if verdict in ("established", "suggested") else "",
            reason=reason,
            priority=weight,
            numbers={name: value for name, value in (numbers or {}).items() if math.isfinite(value)},
            alternatives=alternatives,
        )

    def not_applicable(self, because: str) -> Finding:
        """This cause cannot have acted, or does not concern this run."""
        return self.finding("not applicable", f"Not applicable, because {because}.", reason=f"because {because}")

    def not_identifiable(self, needs: str, points: Measured | None = None) -> Finding:
        """These data cannot tell; `needs` names exactly what could."""
        return self.finding("not identifiable", f"Cannot be told; it needs {needs}.", points, reason=f"needs {needs}")


def weigh(points: Measured, agrees: bool | None) -> tuple[Verdict, str]:
    """The verdict on measured points, and the words in its brackets.

    Args:
        points: Accuracy points taken from test, with replicates.
        agrees: Whether an intervention agrees in sign and size; None where there is none.

    Returns:
        `excluded`: within ± `MARGIN`, or below 0, however surely it differs from 0: half a point is no reason for a
        gap;
        `established`: the interval lies above 0 and an intervention agrees; `suggested`: above 0 without that; else
        `not identifiable`, with the number of images that would make the interval narrow enough (its width falls with
        the square root of their number).
    """
    low, high = points.interval()
    if high < 0:
        return "excluded", "because it raises test rather than lowers it"
    if low >= -MARGIN and high <= MARGIN:
        return "excluded", f"because its interval lies within ±{MARGIN} points"
    if low > 0:
        return ("established" if agrees else "suggested"), ""
    # Narrow enough is an interval that excludes 0, or that fits between the margins.
    wanted = max(abs(points.value), MARGIN - abs(points.value))
    factor = max(1.1, ((high - low) / 2 / wanted) ** 2)
    return "not identifiable", f"needs about {_rounded(factor * points.n)} images instead of {points.n:,}"


def _rounded(number: float) -> str:
    """Two significant digits, thousands parted by commas."""
    digits = max(0, int(math.log10(max(number, 1))) - 1)
    return f"{int(math.ceil(number / 10**digits) * 10**digits):,}"


def said(points: Measured) -> str:
    """`5.2 points [3.1, 7.4]`, for a sentence."""
    value, low, high = (round(number, 1) + 0.0 for number in (points.value, *points.interval()))  # + 0.0: never -0.0
    return f"{value:.1f} points [{low:.1f}, {high:.1f}]"


def manual(cause: Cause) -> tuple[str, dict[str, str]]:
    """The summary line and the three parts of a cause's manual entry.

    Raises:
        ValueError: The class docstring lacks one of `PARTS`.
    """
    text = inspect.cleandoc(type(cause).__doc__ or "")
    found: dict[str, str] = {}
    places = [(part, text.find(f"{part}:")) for part in PARTS]
    if any(place < 0 for _, place in places):
        raise ValueError(f"the docstring of {type(cause).__name__} lacks one of: {', '.join(PARTS)}")
    ends = [place for _, place in places[1:]] + [len(text)]
    for (part, place), end in zip(places, ends, strict=True):
        found[part] = text[place + len(part) + 1 : end].strip()
    return text[: places[0][1]].strip(), found
