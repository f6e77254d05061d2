"""In which order findings are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from heldout.diagnosis.causes import Cause
from heldout.diagnosis.rules import RULES, Rules
from heldout.records import VERDICTS, Finding, ReasonKind
from heldout.ties import settled


def ordered(findings: Sequence[Finding], causes: Mapping[str, Cause[Any]], rules: Rules = RULES) -> tuple[Finding, ...]:
    """Findings with their priorities, most telling first.

    Before all others come those that bear on whatever else is said: leakage that is established, a site that validation
    lacks (`Cause.told_first`). Then the causes that are called one, by the points that they explain; a point of a
    suggested cause counts less (`suggested_weight`), since nothing was changed to show it. So a cause that surely
    explains little does not stand before one that may explain most. Then the others, by their verdicts.

    A cause that lies further upstream explains points that a mechanism further down carries: blurred test images (level
    0) change the appearance (level 1) and move the scores across the threshold (level 2). So from the points of a
    finding of a higher level the largest part that one established cause of a lower level explains of them is taken
    off, or what those do together that were divided (`Finding.share`), for the order only.

    A cause that is suggested only because nobody has read the test labels stands among the established ones: it was
    tried, and what it may be taken for is named beside it. Not so one that takes these labels at their word (the
    class shares, say): if they are wrong, it is nothing.

    Args:
        findings: One a cause.
        causes: Code -> cause.
        rules: `suggested_weight`.
    """
    done: list[Finding] = []
    for finding in sorted(findings, key=lambda finding: causes[finding.code].level):
        cause = causes[finding.code]
        upstream = [
            other for other in done if causes[other.code].level < cause.level and other.verdict == "established"
        ]
        taken = max((explained_of(other, cause.term) for other in upstream), default=0.0)
        divided = sum(explained_of(other, cause.term) for other in upstream if other.share is not None)
        done.append(replace(finding, priority=max(0.0, finding.priority - max(0.0, taken, divided))))
    return tuple(sorted(done, key=lambda finding: _place(finding, causes[finding.code], rules)))


def _place(finding: Finding, cause: Cause[Any], rules: Rules) -> tuple[int, int, float, int, str]:
    """What findings are sorted by."""
    rank = VERDICTS.index(finding.verdict)
    first = 0 if finding.verdict in cause.told_first else 1
    if finding.verdict not in ("established", "suggested"):
        return first, rank, -settled(finding.priority), rank, finding.code
    unread = finding.kind is ReasonKind.REVIEW and not cause.takes_labels  # suggested for want of a reader only
    tried = finding.verdict == "established" or unread
    weight = 1.0 if tried else rules.suggested_weight
    group = 0 if first else rank  # of those told first the surer comes first, whatever its points
    return first, group, -settled(weight * finding.priority), rank, finding.code


def explained_of(upstream: Finding, term: str | None) -> float:
    """Points that a finding explains of what another cause measures.

    A finding that acts through the images (it explains points of ranking) explains those of any cause that measures no
    term of its own, and of `difficulty` unless it says otherwise.
    """
    if "ranking" not in upstream.explains:
        return 0.0
    return upstream.explains.get(term or "", upstream.priority)
