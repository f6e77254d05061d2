"""Why one run's test accuracy is lower, as terminal and report tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heldout.answer.baseline import no_better
from heldout.answer.gap import Gap, gap_of
from heldout.answer.texts import bracketed, count, listing, number, percent, percent_range, signed
from heldout.records import BudgetTerm, Diagnosis, Estimate, Finding, Remedy, TermStatus
from heldout.records.terms import TERM_TITLES

CONVINCING = ("established", "suggested")
"""Verdicts of findings that are told at length where there is a gap to explain."""

LIMITS = "What these data cannot tell, and what would settle it"
CHECKED = "What was checked all the same"
EXPLORATORY = (
    "Exploratory: chosen and scored on the same test images, so the gain flatters; try it on new ones before reporting "
    "it. Held out: set on one half of test, scored on the other."
)


@dataclass(frozen=True)
class Why:
    """What is told of a diagnosis, and at which length.

    Attributes:
        gap: Validation minus test; None where there is none.
        explained: Whether there is a gap to explain; where not, nothing is offered as its explanation.
        told: Findings told at length: established or suggested causes of a gap that is there.
        others: The other findings, in the order of the record.
        largest: The term of the budget that takes most from test; None where none takes any.
        established: Titles of the causes that are established.
        suggested: Number of causes that are suggested.
        remedies: What was tried, by what it gained on test, best first; none where nothing is explained.
    """

    gap: Gap | None
    explained: bool
    told: tuple[Finding, ...]
    others: tuple[Finding, ...]
    largest: BudgetTerm | None
    established: tuple[str, ...]
    suggested: int
    remedies: tuple[Remedy, ...]


def why_lower(diagnosis: Diagnosis) -> Why:
    """Sort a diagnosis into what is told."""
    explained, findings = diagnosis.explained, diagnosis.findings
    told = tuple(finding for finding in findings if explained and finding.verdict in CONVINCING)
    largest = max(diagnosis.budget, key=lambda term: term.points.value, default=None) if explained else None
    gains = sorted(diagnosis.remedies, key=lambda remedy: -remedy.gain_points.value)
    return Why(
        gap=None if diagnosis.gap_points is None else gap_of(diagnosis.gap_points),
        explained=explained,
        told=told,
        others=tuple(finding for finding in findings if finding not in told),
        largest=largest if largest is not None and largest.points.value > 0 else None,
        established=tuple(finding.cause for finding in findings if finding.verdict == "established"),
        suggested=sum(finding.verdict == "suggested" for finding in findings),
        remedies=tuple(gains) if explained else (),
    )


def headline(diagnosis: Diagnosis, spoken: str) -> str:
    """One sentence: by how much test is lower; where the interval covers 0, that it is not known to be.

    Before it one that says so where the run does no better than always answering the commonest class.

    Args:
        diagnosis: Of one run.
        spoken: What the run is called in a sentence.
    """
    return " ".join(filter(None, (no_better(diagnosis, spoken), _of_gap(diagnosis, spoken))))


def _of_gap(diagnosis: Diagnosis, spoken: str) -> str:
    points, val, test = diagnosis.gap_points, diagnosis.val_accuracy, diagnosis.test_accuracy
    if val is None or test is None:
        return f"{spoken}: there is no gap that could be explained."
    if points is None:
        return (
            f"{spoken}: test is {percent(test.value)} against {percent(val.value)} on validation, and the gap cannot "
            "be taken apart."
        )
    gap, accuracies = gap_of(points), f"{percent(test.value)} against {percent(val.value)}"
    told = [diagnosis.metric.words] if diagnosis.metric.name != "accuracy" else []
    told += [diagnosis.unit.told] if diagnosis.unit.told else []
    accuracies = " ".join([accuracies, "; ".join(told)]).rstrip()
    if not diagnosis.explained:
        by_shares = ", once other patients may bring other class shares," if points.low > 0 or points.high < 0 else ""
        return (
            f"{spoken}: validation minus test is {signed(points.value)} points (95 % interval {number(points.low)} to "
            f"{number(points.high)} points; test {accuracies}), which is not distinguishable{by_shares} from no gap at "
            "all. There is nothing to explain."
        )
    return f"{spoken}: test is {gap.size} {gap.test} than validation ({accuracies}; {gap.interval})."


def gap_in_short(diagnosis: Diagnosis) -> str:
    """The gap in a few words: `16.0 points lower`."""
    if diagnosis.gap_points is None:
        return "cannot be taken apart" if diagnosis.val_accuracy and diagnosis.test_accuracy else "no gap"
    if not diagnosis.explained:
        return "not distinguishable from no gap"
    gap = gap_of(diagnosis.gap_points)
    return f"{gap.size} {gap.test}"


def verdicts_in_short(why: Why) -> str:
    """The causes that are established by name, the suggested ones by number."""
    said = [*why.established, *([f"{why.suggested} more suggested"] if why.suggested else [])]
    return "; ".join(said) or "none"


def facts(diagnosis: Diagnosis) -> tuple[tuple[str, str, str], ...]:
    """(label, value, detail) of both accuracies, the largest term and the verdicts; the first two without a gap."""
    why = why_lower(diagnosis)
    found = [
        (label, percent(estimate.value), f"{percent_range(estimate)}, {count(estimate.n, diagnosis.unit.name)}")
        for label, estimate in (("Validation", diagnosis.val_accuracy), ("Test", diagnosis.test_accuracy))
        if estimate is not None
    ]
    if not why.explained:
        return tuple(found)
    if why.largest:
        points = why.largest.points
        span = f"{number(points.low)} to {number(points.high)}"
        found.append(("Largest part", f"{number(points.value)} points", f"{TERM_TITLES[why.largest.term]} ({span})"))
    found.append(("Causes established", str(len(why.established)), verdicts_in_short(why)))
    return tuple(found)


def not_judged(findings: Sequence[Finding]) -> tuple[tuple[Finding, ...], ...]:
    """Causes that could not be judged for the same reason, which is then said once; groups of two or more."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.shared_reason:
            groups.setdefault(finding.shared_reason, []).append(finding)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def not_judged_sentence(group: Sequence[Finding]) -> str:
    """The reason once, then the causes by their titles."""
    return f"Not judged, since {group[0].shared_reason}: {', '.join(finding.cause for finding in group)}."


def finding_in_short(finding: Finding) -> str:
    """Points and reason of a finding in a line; its sentence where there is no reason."""
    said = finding.reason or finding.sentence
    if finding.points is None:
        return said
    stop = ";" if finding.reason else "."  # a sentence begins with a capital
    return f"{points_lost(finding.points)} points{stop} {said}"


def points_lost(points: Estimate) -> str:
    """Points taken from test, with their interval: `6.2 [3.1, 9.3]`; negative where test gained."""
    return f"{number(points.value)} {bracketed(points)}"


def status_words(term: BudgetTerm) -> str:
    """How a term came by its points, where it was not simply measured: `bound only`, `not measured`."""
    return "" if term.status is TermStatus.MEASURED else term.status.value


def alternatives_sentence(diagnosis: Diagnosis, finding: Finding) -> str:
    """Which other causes would look the same in these data; empty where none would."""
    titles = {other.code: other.cause for other in diagnosis.findings}
    named = [titles.get(code, code) for code in finding.alternatives]
    return f"In these data it would look the same: {listing(named)}." if named else ""
