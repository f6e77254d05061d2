"""What several causes that act through images cost together, and each one's share of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from heldout.diagnosis.cause_data import CauseData
from heldout.diagnosis.causes import Cause
from heldout.diagnosis.effects import effect_of
from heldout.diagnosis.words import said, within_sentence
from heldout.records import Finding
from heldout.records.combined import intervention_of, members
from heldout.stats.measured import Measured
from heldout.stats.shapley import shapley_shares

INTERVENTION = "combined"


@dataclass(frozen=True)
class Together:
    """Causes whose changes were made in every combination.

    Attributes:
        whole: Points that all of them cost validation.
        alone: Code -> points that its changes cost alone.
        shares: Code -> its share; these sum to `whole`.
    """

    whole: Measured
    alone: Mapping[str, Measured]
    shares: Mapping[str, Measured]


def together(data: CauseData, findings: Sequence[Finding], causes: Mapping[str, Cause[Any]]) -> Together | None:
    """Divide what the causes that are called one cost together; None where fewer than two were changed together.

    Args:
        data: The run.
        findings: One a cause.
        causes: Code -> cause; a change belongs to the cause that judges from the intervention that made it.
    """
    scored = data.run.scored.get(INTERVENTION)
    if scored is None:
        return None
    of_change: dict[str, str] = {}
    for finding in findings:
        if finding.verdict in ("established", "suggested") and not finding.fault:
            mine = {name for variant in scored.variants for name in members(variant)}
            mine = {name for name in mine if intervention_of(name) in causes[finding.code].interventions}
            of_change |= dict.fromkeys(mine, finding.code)
    codes = sorted(set(of_change.values()))
    if len(codes) < 2:
        return None
    worth = {}
    for variant in scored.variants:
        names = frozenset(members(variant))
        effect = effect_of(data, INTERVENTION, variant, "val") if names <= of_change.keys() else None
        if effect is not None:
            worth[names] = effect.lost
    of_code = {code: frozenset(name for name, mine in of_change.items() if mine == code) for code in codes}
    if any(subset not in worth for subset in _subsets(tuple(of_change))):
        return None
    each = shapley_shares(worth, of_change)
    shares = {code: _sum([each[name] for name in sorted(of_code[code])]) for code in codes}
    return Together(worth[frozenset(of_change)], {code: worth[names] for code, names in of_code.items()}, shares)


def with_shares(
    findings: Sequence[Finding], found: Together | None, causes: Mapping[str, Cause[Any]]
) -> tuple[Finding, ...]:
    """Findings that say, and are ordered by, their share of what they cost together."""
    if found is None:
        return tuple(findings)
    return tuple(_told(finding, found, causes) if finding.code in found.shares else finding for finding in findings)


def _told(finding: Finding, found: Together, causes: Mapping[str, Cause[Any]]) -> Finding:
    share = found.shares[finding.code]
    others = [within_sentence(causes[code].title) for code in found.shares if code != finding.code]
    sentence = (
        f"{finding.sentence} Given to validation images alone, what test has of it costs "
        f"{found.alone[finding.code].value:.1f} points, together with {' and '.join(others)} "
        f"{found.whole.value:.1f}; its share of that is {said(share)}."
    )
    explains = finding.explains
    if finding.points is not None and finding.points.value > 0:
        part = max(0.0, share.value) / finding.points.value
        explains = {term: part * points for term, points in explains.items()}
    return replace(
        finding, sentence=sentence, share=share.estimate(), priority=max(0.0, share.value), explains=explains
    )


def _subsets(names: tuple[str, ...]) -> list[frozenset[str]]:
    """All non-empty subsets."""
    found: list[frozenset[str]] = []
    for name in names:
        found += [frozenset([name]), *(one | {name} for one in found)]
    return found


def _sum(shares: Sequence[Measured]) -> Measured:
    total = shares[0]
    for other in shares[1:]:
        total = total + other
    return total
