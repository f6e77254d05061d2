"""The sections that say why test is lower: the message, the evidence, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from heldout.records import Diagnosis
from heldout.records.terms import TERM_TITLES
from heldout.report._blocks import Block, Commands, Fault, Fold, Headline, Notes, Prose, Table
from heldout.report._diagnosed import Diagnosed, diagnosed, featured, told
from heldout.report._gallery import galleries
from heldout.report._material import Material
from heldout.report._tables_diagnosis import (
    DOCS,
    budget_table,
    budgets_table,
    class_rows_table,
    findings_table,
    lens_table,
    named_numbers_table,
    numbers_table,
    remedies_table,
    review_table,
)
from heldout.report._words import count, number, percent, percent_range, signed
from heldout.ties import first_best

OPEN = 2
"""Galleries that stand open; the others open on a click."""


def message(material: Material) -> Sequence[Block]:
    """What stands before the waterfall: the message, or how to get one."""
    broken = [Fault(f"The diagnosis {id_}", said) for id_, said in material.diagnoses.items() if isinstance(said, str)]
    known = featured(material)
    if known is not None:
        return (*broken, headline(known))
    if broken:
        return broken
    if not material.tested:
        return (Prose("There is no test set, and so no test score that could be lower."),)
    return (
        Prose(
            "Nobody has asked yet. This takes the gap between validation and test apart, looks into every known cause, "
            "and says what to do; then make the report again:"
        ),
        Commands(("heldout diagnose STUDY", "heldout report STUDY")),
    )


def headline(known: Diagnosed) -> Headline:
    """The message on one run: whether test is lower at all, by how much, and the summary."""
    return Headline(sentence(known), known.diagnosis.summary, facts(known.diagnosis))


def sentence(known: Diagnosed) -> str:
    """By how much test is lower; where the interval covers 0, that it is not known to be."""
    gap, name = known.diagnosis.gap_points, known.run.spoken
    if gap is None:
        return f"{name}: there is no gap that could be explained."
    interval = f"95\u00a0% interval {number(gap.low)} to {number(gap.high)}"
    if not known.diagnosis.explained:
        return (
            f"{name}: validation minus test is {signed(gap.value)} points ({interval}), which is not distinguishable "
            "from no gap at all. There is nothing to explain."
        )
    way, low, high = ("lower", gap.low, gap.high) if gap.value >= 0 else ("higher", -gap.high, -gap.low)
    interval = f"95\u00a0% interval {number(low)} to {number(high)}"
    return f"{name}: test is {number(abs(gap.value))} points {way} than validation ({interval})."


def facts(diagnosis: Diagnosis) -> tuple[tuple[str, str, str], ...]:
    """Validation, test, the largest term, the verdicts; nothing but the accuracies where nothing is explained."""
    found = [
        (label, percent(estimate.value), f"{percent_range(estimate)}, {count(estimate.n, 'image')}")
        for label, estimate in (("Validation", diagnosis.val_accuracy), ("Test", diagnosis.test_accuracy))
        if estimate is not None
    ]
    if not diagnosis.explained:
        return tuple(found)
    if diagnosis.budget:
        largest = first_best(diagnosis.budget, lambda term: term.points.value)
        if largest.points.value > 0:
            points = f"{number(largest.points.value)} points"
            span = f"{number(largest.points.low)} to {number(largest.points.high)}"
            found.append(("Largest part", points, f"{TERM_TITLES[largest.term]} ({span})"))
    named = [finding.cause for finding in diagnosis.findings if finding.verdict == "established"]
    suggested = sum(finding.verdict == "suggested" for finding in diagnosis.findings)
    said = "; ".join([*named, f"{suggested} more suggested"] if suggested else named)
    found.append(("Causes established", str(len(named)), said or "none"))
    return tuple(found)


def why(material: Material) -> Sequence[Block]:
    """What stands after the waterfall: findings, terms, classes, lenses, then the other runs."""
    every = diagnosed(material)
    if not every:
        return ()
    known = every[0]
    blocks: list[Block] = []
    if known.diagnosis.explained:
        if known.diagnosis.findings:
            blocks.append(findings_table(known))
        if known.diagnosis.budget:
            blocks.append(budget_table(known))
        if known.diagnosis.classes:
            blocks.append(class_rows_table(known))
        blocks += lenses(known)
    elif known.diagnosis.findings:
        blocks.append(Fold("What was checked all the same", (findings_table(known),)))
    if len(every) > 1:
        blocks.append(budgets_table(every))
        blocks += [Fold(short(other), details(other)) for other in every[1:]]
    return blocks


def lenses(known: Diagnosed) -> list[Block]:
    """Each lens on what remains in a table of its own, never added to another."""
    names = list(dict.fromkeys(lens.name for lens in known.diagnosis.lenses))
    if not names:
        return []
    intro = Prose(
        "What remains once a threshold has done what it can, seen through "
        + ("one lens." if len(names) == 1 else f"{len(names)} lenses. ")
        + ("" if len(names) == 1 else "They look at the same points from different sides: never add one to another.")
    )
    return [intro, *(lens_table(known, name) for name in names)]


def short(known: Diagnosed) -> str:
    """A folded run in a line."""
    gap = known.diagnosis.gap_points
    if gap is None:
        return f"{known.run.label}: no gap"
    if not known.diagnosis.explained:
        return f"{known.run.label}: not distinguishable from no gap"
    return f"{known.run.label}: {number(abs(gap.value))} points {'lower' if gap.value >= 0 else 'higher'}"


def details(known: Diagnosed) -> tuple[Table | Prose, ...]:
    """A folded run: its summary, its budget, its findings."""
    blocks: list[Table | Prose] = [Prose(known.diagnosis.summary)]
    if known.diagnosis.explained and known.diagnosis.budget:
        blocks.append(budget_table(known))
    if known.diagnosis.findings:
        blocks.append(findings_table(known))
    return tuple(blocks)


def evidence(material: Material) -> Sequence[Block]:
    """Galleries of the images that findings cite."""
    known = told(material)
    if known is None:
        return ()
    made = galleries(known, material)
    return (*made[:OPEN], *(Fold(gallery.title, (gallery,)) for gallery in made[OPEN:]))


def advice(material: Material) -> Sequence[Block]:
    """Remedies, limits, the list to review, and the numbers; each part on its own, so that one may fail."""
    known = featured(material)
    if known is None:
        return ()
    diagnosis = known.diagnosis
    blocks: list[Block] = []
    if diagnosis.explained and diagnosis.remedies:
        blocks.append(remedies_table(known))
    if diagnosis.limits:
        blocks.append(Notes("What these data cannot tell, and what would settle it", diagnosis.limits))
    if diagnosis.review:
        fold = f"Review these {count(len(diagnosis.review), 'image')}: the list"
        blocks.append(guarded(fold, lambda: (review_table(known, material),)))
    blocks.append(guarded("Numbers for a reviewer", lambda: numbers(known)))
    return blocks


def guarded(title: str, blocks: Callable[[], tuple[Table | Prose | Notes, ...]]) -> Block:
    """A fold, or a fault in its place."""
    try:
        return Fold(title, blocks())
    except Exception as error:  # one broken part must not sink the section
        return Fault(title, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def numbers(known: Diagnosed) -> tuple[Table | Prose | Notes, ...]:
    """Replicates, seed, and every estimate with its n and method."""
    diagnosis = known.diagnosis
    intro = Prose(
        f"All terms come from one bootstrap over the patients of validation and test together, stratified by class: "
        f"B = {diagnosis.bootstrap:,} replicates, seed {diagnosis.bootstrap_seed}. Run {diagnosis.run}. Formulas and "
        f"their reasons: {DOCS}/diagnosis.md"
    )
    named = named_numbers_table(known)
    return (intro, numbers_table(known), *((named,) if named else ()))
