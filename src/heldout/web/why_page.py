"""Why test is lower, as the page shows it: the terms as a waterfall, causes with their images, what each is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from heldout.answer.texts import capital, number, percent, percent_range, points_range, signed
from heldout.answer.why import CONVINCING, Why, points_lost, status_words, why_lower
from heldout.records import BudgetTerm, ClassRow, Diagnosis, Estimate, Finding, Term
from heldout.records.diagnosis import USUAL_TERMS
from heldout.records.terms import TERM_TITLES, TERM_WORDS, VERDICT_SIGNS
from heldout.report.blocks import Term as Definition
from heldout.report.definitions_diagnosis import DIAGNOSIS
from heldout.report.figures.gap_budget import said_of
from heldout.web.query import address

SHOWN = 8
"""Images of a cause that are shown at once; the gallery has all."""

GAP = "gap"

CAUSE_OF: dict[Term, str] = {"leakage": "leakage", "labels": "labels", "absent": "absent-classes"}
"""Term -> the cause that names the very images which the term counts."""


@dataclass(frozen=True)
class Bar:
    """A row of the waterfall; places are percent of its width.

    Attributes:
        title: What it is.
        text: Its number with its interval.
        left: Where it begins.
        width: How wide it is.
        kind: `score`, `lost` (takes points from test), `gained`, or `unknown` (or nothing).
        link: Address of what it is made of.
    """

    title: str
    text: str
    left: float
    width: float
    kind: str
    link: str


def waterfall(base: str, diagnosis: Diagnosis) -> list[Bar]:
    """From validation, term by term, to test; none where the gap cannot be taken apart."""
    val, test = diagnosis.val_accuracy, diagnosis.test_accuracy
    if val is None or test is None or not diagnosis.budget:
        return []
    at, places = 100 * val.value, [100 * val.value, 100 * test.value]
    for term in diagnosis.budget:
        at -= term.points.value
        places.append(at)
    least, most = min(places), max(places)
    low = max(0.0, least - max(2.0, 0.15 * (most - least)))
    high = most + 0.02 * (most - low)

    def place(score: float) -> float:
        return round(100 * (score - low) / (high - low), 2)

    def score(name: str, part: str, estimate: Estimate) -> Bar:
        link = address(base, {"run": diagnosis.run, "part": part, "outcome": "wrong", "sort": "label_probability"})
        return Bar(
            name,
            f"{percent(estimate.value)} ({percent_range(estimate)})",
            0,
            place(100 * estimate.value),
            "score",
            link,
        )

    found, at = [score("validation", "val", val)], 100 * val.value
    for term in diagnosis.budget:
        end = at - term.points.value
        kind = kind_of(term)
        left, right = sorted((place(at), place(end)))
        found.append(
            Bar(
                TERM_TITLES[term.term],
                told(term),
                left,
                round(right - left, 2),
                kind,
                term_address(base, diagnosis, term.term),
            )
        )
        at = end
    return [*found, score("test", "test", test)]


def kind_of(term: BudgetTerm) -> str:
    """Of which kind its bar is."""
    if term.known is None or term.points.value == 0:
        return "unknown"
    return "lost" if term.points.value > 0 else "gained"


def told(term: BudgetTerm, unit: str = "") -> str:
    """`takes 4.7 [0.2, 9.6]`, as the report says it; with how little is known of it, where that is so."""
    if term.known is None:
        return status_words(term)
    return ", ".join(filter(None, (f"{said_of(term)}{unit}", status_words(term))))


def term_address(base: str, diagnosis: Diagnosis, term: str) -> str:
    """The page of what a term is made of."""
    return f"{base}/why/{term}?run={diagnosis.run}"


@dataclass(frozen=True)
class CauseCard:
    """A finding as the page shows it."""

    finding: Finding
    sign: str
    points: str
    images: tuple[str, ...]
    more: int
    gallery: str
    terms: tuple[tuple[str, str], ...]


def card(base: str, diagnosis: Diagnosis, finding: Finding) -> CauseCard:
    """A finding with its first images, and the addresses of all and of the terms that it explains."""
    words = {"run": diagnosis.run, "cause": finding.code, "sort": "told"}
    terms = tuple(
        (f"{TERM_TITLES.get(term, term)}: {number(points)} points", term_address(base, diagnosis, term))
        for term, points in finding.explains.items()
        if term in TERM_TITLES
    )
    return CauseCard(
        finding,
        VERDICT_SIGNS[finding.verdict],
        "" if finding.points is None else f"{points_lost(finding.points)} points",
        finding.images[:SHOWN],
        len(finding.images) - SHOWN,
        address(base, words),
        terms,
    )


def cards(base: str, diagnosis: Diagnosis) -> tuple[list[CauseCard], list[CauseCard]]:
    """The causes that are told at length, and all others."""
    why: Why = why_lower(diagnosis)
    return [card(base, diagnosis, one) for one in why.told], [card(base, diagnosis, one) for one in why.others]


@dataclass(frozen=True)
class Made:
    """A number that a term is made of, with the address of its images."""

    text: str
    note: str
    link: str


def class_rows(base: str, diagnosis: Diagnosis, term: str) -> list[tuple[str, tuple[Made, ...]]]:
    """What each class carries: shares, recalls and points, each leading to its images."""
    return [(row.name, tuple(_numbers(base, diagnosis, row, term))) for row in diagnosis.classes]


CLASS_HEADINGS = ("Training images", "Share of validation", "Share of test", "Recall on validation", "Recall on test")


def _numbers(base: str, diagnosis: Diagnosis, row: ClassRow, term: str) -> Iterator[Made]:
    def images(part: str, outcome: str = "") -> str:
        words = {"run": diagnosis.run, "part": part, "label": row.name, "outcome": outcome}
        return address(base, {**words, "sort": "label_probability"} if outcome else words)

    trained = "–" if row.train_images is None else f"{row.train_images:,}"
    yield Made(trained, "", images("train") if row.train_images else "")
    yield Made(percent(row.val_share), "", images("val"))
    yield Made(percent(row.test_share), "", images("test"))
    for part, recall in (("val", row.val_recall), ("test", row.test_recall)):
        yield NOTHING if recall is None else Made(percent(recall.value), percent_range(recall), images(part, "wrong"))
    points = row.prior_points if term == "prior" else row.points
    yield NOTHING if points is None else Made(signed(points.value), points_range(points), "")


NOTHING = Made("–", "", "")


@dataclass(frozen=True)
class TermPage:
    """What a term of the budget is made of."""

    title: str
    words: str
    points: str
    method: str
    detail: str
    definition: Definition | None
    by_class: bool
    images: str
    causes: tuple[CauseCard, ...]


def term_page(base: str, diagnosis: Diagnosis, name: str) -> TermPage | None:
    """The page of one term, or of the whole gap; None where the diagnosis has no such term."""
    if name == GAP and diagnosis.gap_points is not None:
        gap = diagnosis.gap_points
        words = "validation minus test, the whole of what the terms take apart"
        said, method = f"{signed(gap.value)} points, {points_range(gap)}", gap.method
        return TermPage("the gap", words, said, method, "", _defined("def-budget"), True, "", ())
    term = next((one for one in diagnosis.budget if one.term == name), None)
    if term is None:
        return None
    causes = tuple(
        card(base, diagnosis, one)
        for one in diagnosis.findings
        if name in one.explains and one.verdict in CONVINCING and diagnosis.explained
    )
    code = CAUSE_OF.get(term.term, "")
    cites = any(one.code == code and one.images for one in diagnosis.findings)
    missed = {"part": "test", "outcome": "wrong", "sort": "label_probability"}
    images = {"cause": code, "sort": "told"} if cites else missed
    return TermPage(
        TERM_TITLES[term.term],
        f"{capital(TERM_WORDS[term.term])}.",
        told(term, " points"),
        term.points.method if term.known is not None else "",
        capital(term.detail),
        _defined(f"def-term-{term.term}"),
        term.term in USUAL_TERMS[2:],
        address(base, {"run": diagnosis.run, **images}),
        causes,
    )


def _defined(anchor: str) -> Definition | None:
    """The definition of a quantity."""
    return next((one for one in DIAGNOSIS if one.id == anchor), None)
