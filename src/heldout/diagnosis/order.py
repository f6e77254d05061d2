"""In which order findings are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from heldout.diagnosis.causes import Cause
from heldout.records import VERDICTS, Finding, ReasonKind
from heldout.ties import settled


def ordered(findings: Sequence[Finding], causes: Mapping[str, Cause[Any]]) -> tuple[Finding, ...]:
    """Findings with their priorities, most telling first.

    A cause that lies further upstream explains points that a mechanism further down carries: blurred test images (level
    0) change the appearance (level 1) and move the scores across the threshold (level 2). So from the points of a
    finding of a higher level the largest part that one established cause of a lower level explains of them is taken
    off, for the order only.

    A cause that is suggested only because nobody has read the test labels stands among the established ones: it was
    tried, and what it may be taken for is named beside it.

    Args:
        findings: One a cause.
        causes: Code -> cause.
    """
    done: list[Finding] = []
    for finding in sorted(findings, key=lambda finding: causes[finding.code].level):
        cause = causes[finding.code]
        upstream = [
            other for other in done if causes[other.code].level < cause.level and other.verdict == "established"
        ]
        taken = max((explained_of(other, cause.term) for other in upstream), default=0.0)
        done.append(replace(finding, priority=max(0.0, finding.priority - max(0.0, taken))))
    return tuple(sorted(done, key=lambda finding: (_rank(finding), -settled(finding.priority), finding.code)))


def _rank(finding: Finding) -> int:
    """Place of its verdict."""
    unread = finding.verdict == "suggested" and finding.kind is ReasonKind.REVIEW
    return VERDICTS.index("established" if unread else finding.verdict)


def explained_of(upstream: Finding, term: str | None) -> float:
    """Points that a finding explains of what another cause measures.

    A finding that acts through the images (it explains points of ranking) explains those of any cause that measures no
    term of its own, and of `difficulty` unless it says otherwise.
    """
    if "ranking" not in upstream.explains:
        return 0.0
    return upstream.explains.get(term or "", upstream.priority)
