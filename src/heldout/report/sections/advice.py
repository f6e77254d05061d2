"""What was tried and what it gained on test; then what these data leave open."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from heldout.answer.texts import count
from heldout.answer.why import LIMITS
from heldout.records import Diagnosis
from heldout.report.blocks import Block, Fold, Notes, Prose, Table
from heldout.report.definitions import DOCS
from heldout.report.faults import fault
from heldout.report.material import Material
from heldout.report.section import Section
from heldout.report.sections._advice_tables import named_numbers_table, numbers_table, remedies_table, review_table


def blocks(material: Material) -> Sequence[Block]:
    """Remedies, limits, the list to review, and the numbers; each part on its own, so that one may fail."""
    known = material.featured
    if known is None:
        return ()
    found: list[Block] = []
    if known.explained and known.remedies:
        found.append(remedies_table(material, known))
    if known.limits:
        found.append(Notes(LIMITS, known.limits))
    if known.review:
        title = f"Review these {count(len(known.review), 'image')}: the list"
        found.append(guarded(title, lambda: (review_table(material, known),)))
    found.append(guarded("Numbers for a reviewer", lambda: numbers(material, known)))
    return found


def guarded(title: str, blocks: Callable[[], tuple[Table | Prose, ...]]) -> Block:
    """A fold, or a fault in its place."""
    try:
        return Fold(title, blocks())
    except Exception as error:  # one broken part must not sink the section
        return fault(title, error)


def numbers(material: Material, diagnosis: Diagnosis) -> tuple[Table | Prose, ...]:
    """Replicates, seed, and every estimate with its n and method."""
    intro = Prose(
        f"All terms come from one bootstrap over the patients of validation and test together, stratified by class: "
        f"B = {diagnosis.bootstrap:,} replicates, seed {diagnosis.bootstrap_seed}. Run {diagnosis.run}. Formulas and "
        f"their reasons: {DOCS}/diagnosis.md"
    )
    named = named_numbers_table(material, diagnosis)
    return (intro, numbers_table(material, diagnosis), *((named,) if named else ()))


SECTION = Section(
    "advice",
    "What to do, and what cannot be known",
    "What was tried and what it gained on test; then what these data leave open.",
    300,
    blocks,
    figures_first=False,
    labels=("single",),
)
