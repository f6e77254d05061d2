"""The tables of a diagnosis: budget, findings, classes, lenses, remedies, the review list, numbers for a reviewer."""

from __future__ import annotations

from urllib.parse import quote

from heldout.records import Estimate, Finding, Lens, Term
from heldout.records.terms import TERM_TITLES, TERM_WORDS, VERDICT_SIGNS
from heldout.report._blocks import Cell, Column, Raw, Table, sheet
from heldout.report._diagnosed import Diagnosed
from heldout.report._material import Material
from heldout.report._tables_runs import NONE, accuracy_cell, methods, points_cell, run_cell
from heldout.report._words import number, percent, signed
from heldout.ties import settled

DOCS = "https://github.com/heldout/heldout/tree/main/docs"

DEFINED: dict[Term, str] = {
    "selection": "def-term-selection",
    "leakage": "def-term-leakage",
    "prior": "def-term-prior",
    "labels": "def-term-labels",
    "threshold": "def-term-threshold",
    "ranking": "def-term-ranking",
}
"""Anchor of each term's definition."""

ESTIMATE = ("points", "low", "high", "n", "method")
"""Columns of an estimate in a CSV."""


def cells(estimate: Estimate | None) -> list[Raw]:
    """An estimate in a CSV, under `ESTIMATE`."""
    if estimate is None:
        return [None] * len(ESTIMATE)
    return [estimate.value, estimate.low, estimate.high, estimate.n, estimate.method]


def lost_cell(points: Estimate | None) -> Cell:
    """Points taken from test over their interval; no sign, a minus where test gained."""
    return Cell(number(points.value), f"{number(points.low)} to {number(points.high)}") if points else NONE


def manual_of(code: str) -> str:
    """Address of a cause's manual page."""
    return f"{DOCS}/causes/{quote(code, safe='-_')}.md"


def budget_table(known: Diagnosed) -> Table:
    """The terms in their order; they sum to the gap."""
    budget = known.diagnosis.budget
    rows = [
        (
            Cell(TERM_TITLES[term.term], term.term, link=f"#{DEFINED[term.term]}"),
            lost_cell(term.points),
            Cell(f"{sentence(TERM_WORDS[term.term])}.", sentence(term.detail)),
        )
        for term in budget
    ]
    whole = sum(term.points.value for term in budget)
    return Table(
        known.anchor("budget-table"),
        "The gap, taken apart",
        (
            Column("Term", definition="def-budget"),
            Column("Points lost", "on test", True),
            Column("What it means, and how it was measured", say=True),
        ),
        tuple(rows),
        sheet(
            ["run", "term", *ESTIMATE, "detail"],
            [[known.diagnosis.run, term.term, *cells(term.points), term.detail] for term in budget],
        ),
        (
            f"The terms sum to {signed(whole)} points, the gap, exactly. Each is what is left of its cause once those "
            "above it are taken off: in another order the parts would differ, their sum would not.",
            *methods((term.term, term.points) for term in budget),
        ),
        prose=True,
    )


def sentence(text: str) -> str:
    """Text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def verdict_cell(finding: Finding) -> Cell:
    """The verdict as a sign and a coloured word, with its reason where the sentence does not say it."""
    reason = "" if finding.reason in finding.sentence else finding.reason
    tone = finding.verdict.replace(" ", "-")
    return Cell(f"{VERDICT_SIGNS[finding.verdict]} {finding.verdict}", reason, tone=tone)


def findings_table(known: Diagnosed) -> Table:
    """Every cause with its verdict, in the order of the record: most telling first."""
    findings = known.diagnosis.findings
    rows = [
        (
            Cell(finding.cause, link=manual_of(finding.code)),
            verdict_cell(finding),
            lost_cell(finding.points),
            Cell(finding.sentence, f"→ {finding.remedy}" if finding.remedy else ""),
        )
        for finding in findings
    ]
    header = ["run", "code", "cause", "verdict", "reason", *ESTIMATE, "priority", "sentence", "remedy", "images"]
    return Table(
        known.anchor("findings"),
        "Every cause that was looked into",
        (
            Column("Cause"),
            Column("Verdict", definition="def-cause-verdict"),
            Column("Points lost", "on test", True, "def-points-lost"),
            Column("What was found, and → what to do", say=True),
        ),
        tuple(rows),
        sheet(
            header,
            [
                [
                    *(known.diagnosis.run, f.code, f.cause, f.verdict, f.reason, *cells(f.points), f.priority),
                    *(f.sentence, f.remedy, " ".join(f.images)),
                ]
                for f in findings
            ],
        ),
        (
            "The points of findings overlap (blur acts through the threshold, say) and do not sum to the gap; those of "
            "the budget do. Each cause leads to its page of the manual.",
        ),
        prose=True,
    )


def class_rows_table(known: Diagnosed) -> Table:
    """What each class adds to the gap once selection, leakage and prior are off it."""
    rows, used = [], []
    for row in known.diagnosis.classes:
        rows.append(
            (
                Cell(row.name),
                Cell(percent(row.val_share)),
                Cell(percent(row.test_share)),
                accuracy_cell(row.val_recall),
                accuracy_cell(row.test_recall),
                lost_cell(row.points),
            )
        )
        used += [(f"points of {row.name}", row.points)]
    header = ["run", "class", "val_share", "test_share"]
    header += [f"{part}_recall{end}" for part in ("val", "test") for end in ("", "_low", "_high", "_n", "_method")]
    return Table(
        known.anchor("class-rows"),
        "The gap by class",
        (
            Column("Class"),
            Column("Share", "of validation", True),
            Column("Share", "of test", True),
            Column("Recall", "validation", True, "def-recall"),
            Column("Recall", "test", True, "def-recall"),
            Column("Points lost", "on test", True, "def-class-rows"),
        ),
        tuple(rows),
        sheet(
            [*header, *ESTIMATE],
            [
                [
                    *(known.diagnosis.run, row.name, row.val_share, row.test_share),
                    *(*cells(row.val_recall), *cells(row.test_recall), *cells(row.points)),
                ]
                for row in known.diagnosis.classes
            ],
        ),
        ("These rows and the terms selection, leakage and prior sum to the gap.", *methods(used)),
    )


LENSES = {"looks": "What is in the images", "learnable": "What would fix it"}
"""Lenses that have a definition, with the captions of their tables."""


def lens_table(known: Diagnosed, name: str) -> Table:
    """One lens on what remains: a row a class and kind of evidence; parts that would be guesses are left open."""
    lenses = [lens for lens in known.diagnosis.lenses if lens.name == name]
    caption = LENSES.get(name, lenses[0].title)
    parts = list(dict.fromkeys(part for lens in lenses for part in lens.parts))
    return Table(
        known.anchor(f"lens-{name}"),
        caption,
        (
            Column("Class"),
            *(Column(part, "points", True, f"def-lens-{name}" if name in LENSES else "") for part in parts),
            Column("What it says", say=True),
        ),
        tuple(
            (lens_cell(lens, caption), *(points_cell(lens.parts.get(part)) for part in parts), Cell(lens.sentence))
            for lens in lenses
        ),
        sheet(
            ["run", "lens", "title", "class", "part", *ESTIMATE],
            [
                [known.diagnosis.run, name, lens.title, lens.group, part, *cells(lens.parts.get(part))]
                for lens in lenses
                for part in lens.parts or [""]
            ],
        ),
        methods((part, points) for lens in lenses for part, points in lens.parts.items()),
        prose=len(parts) < 4,
    )


def lens_cell(lens: Lens, caption: str) -> Cell:
    """The class a lens speaks of, and by what it looks, which its title says after a colon."""
    basis = "" if lens.title == caption else lens.title.partition(": ")[2] or lens.title
    return Cell(lens.group or "all", basis)


def remedies_table(known: Diagnosed) -> Table:
    """What was tried, by what it gained on test, best first."""
    remedies = sorted(known.diagnosis.remedies, key=lambda remedy: -settled(remedy.gain_points.value))
    titles = {finding.code: finding.cause for finding in known.diagnosis.findings}
    rows = [
        (
            Cell(remedy.name),
            points_cell(remedy.gain_points),
            Cell("◐ exploratory", tone="suggested") if remedy.exploratory else Cell("● held out", tone="gained"),
            Cell(titles.get(remedy.cause, remedy.cause) or "–"),
        )
        for remedy in remedies
    ]
    return Table(
        known.anchor("remedies"),
        "What was tried, and what it gained",
        (
            Column("Remedy", say=True),
            Column("Points gained", "on test", True, "def-remedy"),
            Column("Scored", definition="def-remedy"),
            Column("Cause"),
        ),
        tuple(rows),
        sheet(
            ["run", "remedy", "gain_points", *ESTIMATE[1:], "exploratory", "cause"],
            [[known.diagnosis.run, r.name, *cells(r.gain_points), r.exploratory, r.cause] for r in remedies],
        ),
        (
            "Held out: set on one half of the test patients, scored on the other. Exploratory: chosen and scored on "
            "the same test images, so the gain flatters; try it on new ones before reporting it.",
            *methods((remedy.name, remedy.gain_points) for remedy in remedies),
        ),
        prose=True,
    )


def review_table(known: Diagnosed, material: Material) -> Table:
    """Test images to be read again, with the probability with which each was chosen."""
    places = dict(zip(material.cohort.table["id"], material.cohort.table["source"], strict=True))
    rows: list[list[Raw]] = [
        [id_, str(places.get(id_, "")), "", probability] for id_, probability in known.diagnosis.review.items()
    ]
    return Table(
        known.anchor("review"),
        f"{len(rows)} test images to be read again by two blind readers",
        (Column("Image"), Column("File"), Column("Chosen with", "probability", True, "def-review")),
        tuple(
            (Cell(str(id_), mono=True), Cell(str(file), mono=True), Cell(number(float(p or 0), 3)))
            for id_, file, _, p in rows
        ),
        sheet(["id", "file", "label", "probability"], rows),
        (
            "Labels and predictions are left out on purpose: readers who see them are not blind. Each reader fills in "
            "the column `label` of the CSV, and `heldout diagnose STUDY --review FILE` counts them.",
        ),
    )


def numbers_table(known: Diagnosed) -> Table:
    """Every estimate of the diagnosis with its n and method, each leading to its formula."""
    rows: list[tuple[Cell, Estimate]] = []
    diagnosis = known.diagnosis
    if diagnosis.gap_points:
        rows.append((Cell("gap", link="#def-gap"), diagnosis.gap_points))
    rows += [(Cell(f"term {t.term}", link=f"#{DEFINED[t.term]}"), t.points) for t in diagnosis.budget]
    rows += [(Cell(f"class {c.name}", link="#def-class-rows"), c.points) for c in diagnosis.classes if c.points]
    for lens in diagnosis.lenses:
        link = f"#def-lens-{lens.name}" if lens.name in LENSES else ""
        name = f"lens {lens.name} {lens.group}".strip()
        rows += [(Cell(f"{name}: {part}", link=link), points) for part, points in lens.parts.items()]
    rows += [(Cell(f.cause, f.code, link=manual_of(f.code)), f.points) for f in diagnosis.findings if f.points]
    rows += [(Cell(remedy.name, link="#def-remedy"), remedy.gain_points) for remedy in diagnosis.remedies]
    return Table(
        known.anchor("numbers"),
        "Every number, with n and method",
        (Column("Quantity"), Column("Points", "", True), Column("Images", "n", True), Column("Interval by")),
        tuple((name, points_cell(e), Cell(f"{e.n:,}"), Cell(e.method)) for name, e in rows),
        sheet(
            ["run", "quantity", *ESTIMATE, "bootstrap", "seed"],
            [[diagnosis.run, name.text, *cells(e), diagnosis.bootstrap, diagnosis.bootstrap_seed] for name, e in rows],
        ),
    )


def named_numbers_table(known: Diagnosed) -> Table | None:
    """The numbers that causes and lenses name, unrounded in the CSV."""
    found = [(f.cause, f.code, name, value) for f in known.diagnosis.findings for name, value in f.numbers.items()]
    found += [
        (f"{lens.title} {lens.group}".strip(), lens.name, name, value)
        for lens in known.diagnosis.lenses
        for name, value in lens.numbers.items()
    ]
    if not found:
        return None
    return Table(
        known.anchor("named-numbers"),
        "What causes and lenses were judged from",
        (Column("Cause or lens"), Column("Name"), Column("Value", "", True)),
        tuple((Cell(cause), Cell(name, mono=True), Cell(f"{value:.5g}")) for cause, _, name, value in found),
        sheet(
            ["run", "code", "name", "value"],
            [[known.diagnosis.run, code, name, value] for _, code, name, value in found],
        ),
    )


def budgets_table(every: tuple[Diagnosed, ...]) -> Table:
    """The budget of every run, a row a run."""
    rows, csv = [], []
    for known in every:
        terms = {term.term: term.points for term in known.diagnosis.budget}
        rows.append(
            (run_cell(known.run), lost_cell(known.diagnosis.gap_points), *(lost_cell(terms.get(t)) for t in DEFINED))
        )
        csv.append([known.diagnosis.run, known.run.label, *cells(known.diagnosis.gap_points)[:3]])
        csv[-1] += [value for t in DEFINED for value in cells(terms.get(t))[:3]]
    return Table(
        "budgets",
        "What the gap of every run is made of",
        (
            Column("Run"),
            Column("Gap", "points", True, "def-gap"),
            *(Column(TERM_TITLES[term], "points lost", True, anchor) for term, anchor in DEFINED.items()),
        ),
        tuple(rows),
        sheet(
            ["run", "label", *(f"{name}{end}" for name in ("gap", *DEFINED) for end in ("_points", "_low", "_high"))],
            csv,
        ),
    )
