"""Tables on why test is lower: terms, findings, classes, lenses, and the terms of every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from urllib.parse import quote

from heldout.answer.texts import capital, listing, percent, signed
from heldout.answer.why import alternatives_sentence, not_judged, not_judged_sentence, status_words
from heldout.records import BudgetTerm, Diagnosis, Finding, Lens, Term
from heldout.records.terms import TERM_TITLES, TERM_WORDS, VERDICT_SIGNS
from heldout.report.blocks import Cell, Column, Table
from heldout.report.cells import (
    ESTIMATE,
    accuracy_cell,
    csv_only,
    ends_of,
    lost_cell,
    methods,
    points_cell,
    run_cell,
    unseen,
    whole_cell,
)
from heldout.report.definitions import DOCS
from heldout.report.definitions_diagnosis import DIAGNOSIS
from heldout.report.material import Material

DEFINED: dict[Term, str] = {term: f"def-term-{term}" for term in TERM_TITLES}
"""Anchor of each term's definition."""

CAUSES = files("heldout") / "diagnosis" / "causes"

SAYS_ITS_REASON = ("not applicable", "failed")
"""Verdicts whose sentence is nothing but the reason, which need not stand beneath the verdict again."""


def manual_of(code: str) -> str:
    """Address of a cause's manual page; empty for a cause of another package, which has none among ours."""
    ours = (CAUSES / f"{code.replace('-', '_')}.py").is_file()  # a cause's file is called as its code is
    return f"{DOCS}/causes/{quote(code, safe='-_')}.md" if ours else ""


def budget_table(material: Material, diagnosis: Diagnosis) -> Table:
    """The terms in their order; they sum to the gap."""
    rows = tuple(
        (
            unseen(diagnosis.run),
            Cell(
                TERM_TITLES[term.term], term_note(term), (term.term, term.status.value), link=f"#{DEFINED[term.term]}"
            ),
            term_cell(term),
            Cell(f"{capital(TERM_WORDS[term.term])}.", capital(term.detail), (term.detail,)),
        )
        for term in diagnosis.budget
    )
    whole = sum(term.points.value for term in diagnosis.budget)
    return Table(
        material.anchor(diagnosis, "budget-table"),
        "The gap, taken apart",
        (
            csv_only("run"),
            Column("Term", definition="def-budget", saved_as=("term", "status")),
            Column("Points lost", "on test", True, saved_as=ESTIMATE),
            Column("What it means, and how it was measured", say=True, saved_as=("detail",)),
        ),
        rows,
        (
            f"The terms sum to {signed(whole)} points, the gap, exactly. Each is what is left of its cause once those "
            "above it are taken off: in another order the parts would differ, their sum would not.",
            *methods((term.term, term.known) for term in diagnosis.budget),
        ),
        prose=True,
    )


def term_cell(term: BudgetTerm) -> Cell:
    """Its points; where they were not measured that is said in their place, and the saved table has what is summed."""
    shown = lost_cell(term.points)
    return shown if term.known is not None else Cell("–", status_words(term), shown.saved)


def term_note(term: BudgetTerm) -> str:
    """A term's short name, and how it came by its points where it was not simply measured."""
    status = status_words(term)
    return f"{term.term}, {status}" if status else term.term


def verdict_cell(finding: Finding) -> Cell:
    """The verdict as a sign and a coloured word, with its reason where the sentence beside it says more than that."""
    reason = "" if finding.verdict in SAYS_ITS_REASON else finding.reason
    tone = finding.verdict.replace(" ", "-")
    shown = f"{VERDICT_SIGNS[finding.verdict]} {finding.verdict}"
    return Cell(shown, reason, (finding.verdict, finding.kind.value, finding.reason), tone=tone)


def finding_row(diagnosis: Diagnosis, finding: Finding) -> tuple[Cell, ...]:
    """One cause with its verdict."""
    remedy = f"→ {finding.remedy}" if finding.remedy else ""
    explains = " ".join(f"{term}={points:g}" for term, points in finding.explains.items())
    return (
        unseen(diagnosis.run, finding.code),
        Cell(finding.cause, link=manual_of(finding.code)),
        verdict_cell(finding),
        lost_cell(finding.points),
        unseen(finding.priority, explains, " ".join(finding.alternatives)),
        Cell(
            finding.sentence,
            " ".join(filter(None, (alternatives_sentence(diagnosis, finding), remedy))),
            (finding.sentence, finding.remedy, " ".join(finding.images)),
        ),
    )


def together_row(diagnosis: Diagnosis, group: Sequence[Finding]) -> tuple[Cell, ...]:
    """Causes that could not be judged for the same reason, in one row."""
    first = group[0]
    return (
        unseen(diagnosis.run, " ".join(finding.code for finding in group)),
        Cell(listing([finding.cause for finding in group])),
        verdict_cell(replace(first, reason="")),
        lost_cell(None),
        unseen(0.0, "", ""),
        Cell(not_judged_sentence(group), saved=(not_judged_sentence(group), "", "")),
    )


def finding_rows(diagnosis: Diagnosis) -> tuple[tuple[Cell, ...], ...]:
    """A row a cause, those that could not be judged for the same reason in one, where the first of them stands."""
    rows, told = [], set[str]()
    groups = {finding.code: group for group in not_judged(diagnosis.findings) for finding in group}
    for finding in diagnosis.findings:
        if finding.code in told:
            continue
        group = groups.get(finding.code, (finding,))
        told |= {one.code for one in group}
        rows.append(finding_row(diagnosis, finding) if len(group) == 1 else together_row(diagnosis, group))
    return tuple(rows)


def findings_table(material: Material, diagnosis: Diagnosis) -> Table:
    """Every cause with its verdict, in the order of the record: most telling first."""
    return Table(
        material.anchor(diagnosis, "findings"),
        "Every cause that was looked into",
        (
            csv_only("run", "code"),
            Column("Cause", saved_as=("cause",)),
            Column("Verdict", definition="def-cause-verdict", saved_as=("verdict", "kind", "reason")),
            Column("Points lost", "on test", True, "def-points-lost", saved_as=ESTIMATE),
            csv_only("priority", "explains", "alternatives"),
            Column("What was found, and → what to do", say=True, saved_as=("sentence", "remedy", "images")),
        ),
        finding_rows(diagnosis),
        (
            "The points of findings overlap (blur acts through the threshold, say) and do not sum to the gap; those of "
            "the budget do. Each cause leads to its page of the manual.",
        ),
        prose=True,
    )


def class_rows_table(material: Material, diagnosis: Diagnosis) -> Table:
    """What each class adds to the gap once selection, leakage and prior are off it."""
    rows = tuple(
        (
            unseen(diagnosis.run),
            Cell(row.name),
            Cell(percent(row.val_share), saved=(row.val_share,)),
            Cell(percent(row.test_share), saved=(row.test_share,)),
            accuracy_cell(row.val_recall),
            accuracy_cell(row.test_recall),
            whole_cell(row.train_images),
            unseen(row.counts),
            lost_cell(row.prior_points),
            lost_cell(row.points),
        )
        for row in diagnosis.classes
    )
    return Table(
        material.anchor(diagnosis, "class-rows"),
        "The gap by class",
        (
            csv_only("run"),
            Column("Class", saved_as=("class",)),
            Column("Share", "of validation", True, saved_as=("val_share",)),
            Column("Share", "of test", True, saved_as=("test_share",)),
            Column("Recall", "validation", True, "def-recall", saved_as=ends_of("val_recall")),
            Column("Recall", "test", True, "def-recall", saved_as=ends_of("test_recall")),
            Column("Training images", "", True, saved_as=("train_images",)),
            csv_only("counts"),
            Column("Points lost", "by its share", True, "def-term-prior", saved_as=ends_of("prior_points")),
            Column("Points lost", "by its recall", True, "def-class-rows", saved_as=ESTIMATE),
        ),
        rows,
        (
            "Points lost by share sum to the term prior: a class loses some if test has more of it and it is recalled "
            "worse than the average, or less of it and better. Points lost by recall and the terms before labels sum "
            "to the gap.",
            *methods((f"points of {row.name}", row.points) for row in diagnosis.classes),
        ),
    )


def lens_definition(name: str) -> str:
    """Anchor of a lens's definition; empty where the page has none."""
    anchor = f"def-lens-{name}"
    return anchor if any(term.id == anchor for term in DIAGNOSIS) else ""


def lens_table(material: Material, diagnosis: Diagnosis, name: str) -> Table:
    """One lens on what remains: a row a class and kind of evidence; parts that would be guesses are left open."""
    lenses = [lens for lens in diagnosis.lenses if lens.name == name]
    caption = lenses[0].title
    parts = list(dict.fromkeys(part for lens in lenses for part in lens.parts))
    return Table(
        material.anchor(diagnosis, f"lens-{name}"),
        caption,
        (
            csv_only("run", "lens", "title"),
            Column("Class", saved_as=("class", "by")),
            *(Column(part, "points", True, lens_definition(name), saved_as=ends_of(part)) for part in parts),
            Column("What it says", say=True, saved_as=("sentence",)),
        ),
        tuple(
            (
                unseen(diagnosis.run, name, lens.title),
                lens_cell(lens, caption),
                *(points_cell(lens.parts.get(part)) for part in parts),
                Cell(lens.sentence),
            )
            for lens in lenses
        ),
        methods((part, points) for lens in lenses for part, points in lens.parts.items()),
        prose=len(parts) < 4,
    )


def lens_cell(lens: Lens, caption: str) -> Cell:
    """The class a lens speaks of, and by what it compares images; its title where that is not the table's caption."""
    return Cell(
        lens.group or "all", lens.basis or (lens.title if lens.title != caption else ""), (lens.group, lens.basis)
    )


def budgets_table(material: Material, every: Sequence[Diagnosis]) -> Table:
    """The budget of every run, a row a run; terms that no run has are in the CSV alone."""
    rows, present = [], {term.term for one in every for term in one.budget}
    for diagnosis in every:
        terms = {term.term: term for term in diagnosis.budget}
        rows.append(
            (
                run_cell(material, diagnosis.run),
                lost_cell(diagnosis.gap_points),
                *(term_cell(terms[term]) if term in terms else lost_cell(None) for term in DEFINED),
            )
        )
    return Table(
        "budgets",
        "What the gap of every run is made of",
        (
            Column("Run", saved_as=("run", "label")),
            Column("Gap", "points", True, "def-gap", saved_as=ends_of("gap_points")),
            *(
                Column(
                    TERM_TITLES[term], "points lost", True, anchor, False, ends_of(f"{term}_points"), term in present
                )
                for term, anchor in DEFINED.items()
            ),
        ),
        tuple(rows),
    )
