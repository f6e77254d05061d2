"""What came of a review, for its page: how well readers agree, what became of the images, how the answer changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from heldout.answer.texts import capital, number, percent, percent_range, points_range, signed
from heldout.answer.why import status_words
from heldout.records import BudgetTerm, Diagnosis, Estimate
from heldout.records.terms import TERM_TITLES
from heldout.report.material import Material
from heldout.review.apply import Change
from heldout.review.snapshot import Snapshot
from heldout.review.status import Status
from heldout.review.verdicts import Outcome, verdicts

OUTCOMES: dict[Outcome, str] = {
    "agreed": "all who read it agree",
    "adjudicated": "readers differed, and it was decided",
    "undecided": "readers differed, and nobody could tell: the given label stays",
    "disputed": "readers differ, or one could not tell: to be decided",
    "unread": "read by fewer than two",
}
"""What became of an image, in words."""


@dataclass(frozen=True)
class Shown:
    """A figure and its interval."""

    text: str
    ends: str


@dataclass(frozen=True)
class TermChange:
    """A term of the budget before and after."""

    title: str
    before: Shown
    after: Shown
    strong: bool


@dataclass(frozen=True)
class RunChange:
    """What the labels did to one run; `current` unless labels were decided since, or it was diagnosed without them."""

    name: str
    terms: tuple[TermChange, ...]
    summaries: tuple[str, str]
    current: bool
    at: str


NONE = Shown("–", "")


def agreement_rows(status: Status) -> list[tuple[str, str, str, Shown, Shown, Shown]]:
    """A row every two readers: who, images that both read, could not tell, same class, kappa, weighted kappa."""
    return [
        (
            f"{pair.a} and {pair.b}",
            f"{pair.both:,}",
            f"{pair.could_not_tell:,}",
            NONE if pair.same is None else Shown(percent(pair.same.value), percent_range(pair.same)),
            kappa(pair.kappa),
            kappa(pair.weighted),
        )
        for pair in status.agreement.pairs
    ]


def kappa(estimate: Estimate | None) -> Shown:
    """Kappa with its interval; `to` between ends, of which one may be negative."""
    if estimate is None:
        return NONE
    return Shown(number(estimate.value, 2), f"{number(estimate.low, 2)} to {number(estimate.high, 2)}")


def outcome_rows(status: Status) -> list[tuple[str, str]]:
    """What became of images, and of how many."""
    return [(words, f"{status.outcomes[name]:,}") for name, words in OUTCOMES.items() if status.outcomes[name]]


def turned_rows(snapshot: Snapshot, given: dict[str, str]) -> list[tuple[str, str, str]]:
    """Given label, reviewed label, and how many images; those where they differ, most first."""
    pairs = Counter((given[one.image.id], one.label) for one in verdicts(snapshot) if one.label is not None)
    return [(old, str(new), f"{n:,}") for (old, new), n in pairs.most_common() if old != new]


def run_changes(material: Material, found: dict[str, Change]) -> list[RunChange]:
    """What the labels did to each run, in the order of the runs."""
    known = [(row.id, found[row.id]) for row in material.runs if row.id in found]
    return [
        RunChange(
            name=material.names[id_].label,
            terms=_terms(change.before, change.after),
            summaries=(change.before.summary, change.after.summary),
            current=change.current and material.diagnoses.get(id_) == change.after,
            at=change.at[:16].replace("T", " "),
        )
        for id_, change in known
    ]


def _terms(before: Diagnosis, after: Diagnosis) -> tuple[TermChange, ...]:
    old, new = ({one.term: one for one in diagnosis.budget} for diagnosis in (before, after))
    names: Sequence[str] = [name for name in TERM_TITLES if name in old or name in new]
    rows = [
        TermChange(capital(TERM_TITLES[name]), _term(old.get(name)), _term(new.get(name)), name == "labels")
        for name in TERM_TITLES
        if name in names
    ]
    return (*rows, TermChange("The gap", points(before.gap_points), points(after.gap_points), True))


def _term(term: BudgetTerm | None) -> Shown:
    """Points of a term; where they were not measured, what is known instead."""
    if term is None:
        return NONE
    shown, status = points(term.points), status_words(term)
    return shown if not status else Shown(shown.text, f"{shown.ends}; {status}")


def points(estimate: Estimate | None) -> Shown:
    """Points with their interval."""
    return NONE if estimate is None else Shown(signed(estimate.value), points_range(estimate))
