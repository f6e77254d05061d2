"""A mechanism that another cause acts through: while that one is called a cause, it is no more than suggested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from heldout.diagnosis.causes import Cause
from heldout.records import Finding


def carried(findings: Sequence[Finding], causes: Mapping[str, Cause[Any]]) -> tuple[Finding, ...]:
    """Findings, those established that may only carry another cause (`Cause.carries`) being suggested, which names it.

    Args:
        findings: One a cause.
        causes: Code -> cause.
    """
    called = {finding.code for finding in findings if finding.verdict in ("established", "suggested")}
    return tuple(_carried(finding, causes, called) for finding in findings)


def _carried(finding: Finding, causes: Mapping[str, Cause[Any]], called: set[str]) -> Finding:
    others = tuple(code for code in causes[finding.code].carries if code in called)
    if finding.verdict != "established" or not others:
        return finding
    titles = " and ".join(causes[code].title[:1].lower() + causes[code].title[1:] for code in others)
    return replace(
        finding,
        verdict="suggested",
        sentence=f"{finding.sentence} That is how another appearance acts ({titles}), and may be no cause beside it.",
        alternatives=(*finding.alternatives, *others),
    )
