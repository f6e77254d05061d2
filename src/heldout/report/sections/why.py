"""Why the test score is lower: the message, the terms of the gap, a verdict on every cause."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.texts import count, number, percent, percent_range
from heldout.answer.why import CHECKED, gap_in_short, headline, verdicts_in_short, why_lower
from heldout.records import Diagnosis
from heldout.records.terms import TERM_TITLES
from heldout.report.blocks import Block, Commands, Fault, Fold, Headline, Prose, Table
from heldout.report.material import Material
from heldout.report.section import Section
from heldout.report.sections._why_tables import (
    budget_table,
    budgets_table,
    class_rows_table,
    findings_table,
    lens_table,
)


def message(material: Material) -> Sequence[Block]:
    """What stands before the waterfall: the message, or how to get one."""
    broken = [Fault(f"The diagnosis {id_}", said) for id_, said in material.diagnoses.items() if isinstance(said, str)]
    known = material.featured
    if known is not None:
        spoken = material.names[known.run].spoken
        return (*broken, Headline(headline(known, spoken), known.summary, facts(known)))
    if broken:
        return broken
    if not material.tested:
        return (Prose("There is no test set, and so no test score that could be lower."),)
    return (
        Prose(
            "Nobody has asked yet. This takes the gap between validation and test apart, judges every known cause, "
            "and says what to do; then make the report again:"
        ),
        Commands(("heldout diagnose STUDY", "heldout report STUDY")),
    )


def facts(diagnosis: Diagnosis) -> tuple[tuple[str, str, str], ...]:
    """Validation, test, the largest term, the verdicts; nothing but the accuracies where nothing is explained."""
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


def blocks(material: Material) -> Sequence[Block]:
    """What stands after the waterfall: findings, terms, classes, lenses, then the other runs."""
    every = material.diagnosed
    if not every:
        return ()
    known, *others = every
    found: list[Block] = []
    if known.explained:
        found += tables(material, known)
        if known.classes:
            found.append(class_rows_table(material, known))
        found += lenses(material, known)
    elif known.findings:
        found.append(Fold(CHECKED, (findings_table(material, known),)))
    if others:
        found.append(budgets_table(material, every))
        found += [
            Fold(
                f"{material.names[other.run].label}: {gap_in_short(other)}",
                (Prose(other.summary), *tables(material, other)),
            )
            for other in others
        ]
    return found


def tables(material: Material, diagnosis: Diagnosis) -> list[Table]:
    """Findings, and the terms where there is a gap to explain."""
    found = [findings_table(material, diagnosis)] if diagnosis.findings else []
    if diagnosis.explained and diagnosis.budget:
        found.append(budget_table(material, diagnosis))
    return found


def lenses(material: Material, diagnosis: Diagnosis) -> list[Block]:
    """Each lens on what remains in a table of its own, never added to another."""
    names = list(dict.fromkeys(lens.name for lens in diagnosis.lenses))
    if not names:
        return []
    intro = "What remains once a threshold has done what it can, seen through "
    if len(names) == 1:
        intro += "one lens."
    else:
        intro += f"{len(names)} lenses. They show the same points from different sides: never add one to another."
    return [Prose(intro), *(lens_table(material, diagnosis, name) for name in names)]


SECTION = Section(
    "why",
    "Why is the test score lower?",
    "The gap between validation and test, taken apart into points that sum to it, and a verdict on every cause.",
    100,
    blocks,
    opening=message,
    labels=("single",),
)
