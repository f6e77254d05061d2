"""While many test labels are wrong, or look so, a cause that divides test images by them is suggested at most.

Where a class's test images hold those of another class, the class looks changed in whatever tells the two apart.
Without a review that is so while sure contradictions tell of many turned labels. With one, prior and threshold are
measured by the reviewers' labels; images that nobody read are divided by their given ones all the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes import Cause
from heldout.records import Finding, ReasonKind
from heldout.ties import settled


def while_labels_are_in_doubt(cause: Cause[Any], finding: Finding, data: CauseData) -> Finding:
    """The finding; no more than suggested if it rests on labels that are in doubt."""
    if finding.verdict != "established":
        return finding
    if cause.takes_labels and data.contradiction is not None and data.contradiction.tells(data.rules):
        said = "That takes the test labels at their word, of which many look wrong."
        return _doubted(finding, said, f"needs two blind readers for {len(data.to_review)} test images")
    if cause.divides_by_given_labels and (unread := _unread(data)) and _many_are_wrong(data):
        said = "That divides test images by their given labels, of which readers found many wrong."
        return _doubted(finding, said, f"needs the labels of the other {unread} test images read as well")
    return finding


def _doubted(finding: Finding, said: str, reason: str) -> Finding:
    return replace(
        finding,
        verdict="suggested",
        kind=ReasonKind.REVIEW,
        reason=reason,
        sentence=f"{finding.sentence} {said}",
        alternatives=(*finding.alternatives, "labels"),
    )


def _unread(data: CauseData) -> int:
    """Test images that nobody read, where some were."""
    return len(data.run.test) - data.run.reviewed if data.run.reviewed and data.run.test is not None else 0


def _many_are_wrong(data: CauseData) -> bool:
    """Whether a review tells surely that wrong labels cost more than what is never called a cause."""
    points = data.gap.terms.get("labels")
    return points is not None and points.low > 0 and settled(points.value - data.rules.margin) > 0
