"""Which of several labels loses most from validation to test, said once for terminal and report."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.texts import listing, points_range, signed
from heldout.records import Diagnosis
from heldout.ties import settled

NAMED = 3
"""Labels named in the sentence; more stand in the table."""


def by_loss(diagnoses: Sequence[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Diagnoses of labels, the greatest gap first; those without a gap last, in their order."""

    def place(one: Diagnosis) -> tuple[bool, float]:
        return one.gap_points is None, -settled(one.gap_points.value) if one.gap_points else 0.0

    return tuple(sorted(diagnoses, key=place))


def losing(diagnoses: Sequence[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Those whose test is lower for sure, the greatest gap first."""
    return tuple(one for one in by_loss(diagnoses) if one.gap_points is not None and one.gap_points.low > 0)


def label_sentence(diagnoses: Sequence[Diagnosis]) -> str:
    """Which labels of a run lose, and how much; empty without any diagnosis.

    Args:
        diagnoses: Of one run, one a label.
    """
    if not diagnoses:
        return ""
    number, lost = len(diagnoses), losing(diagnoses)
    words = diagnoses[0].metric.words
    if not lost:
        return f"Of {number} labels none is sure to lose {words} from validation to test."
    named = [
        f"{one.label} ({signed(one.gap_points.value)} points, {points_range(one.gap_points)})"
        for one in lost[:NAMED]
        if one.gap_points is not None
    ]
    more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
    verb = "loses" if len(lost) == 1 else "lose"
    most = "" if len(lost) == 1 else ", most first"
    return f"Of {number} labels {len(lost)} {verb} {words} from validation to test{most}: {listing(named)}{more}."


def causes_of(diagnosis: Diagnosis) -> str:
    """What is established, else suggested, as the reason; in words."""
    for verdict in ("established", "suggested"):
        found = [one.cause for one in diagnosis.findings if one.verdict == verdict and one.code != "chance"]
        if found:
            return f"{listing(found)} ({verdict})"
    return "–" if diagnosis.explained else "nothing to explain"
