"""Why the test score is lower: the message, the terms of the gap, every cause in a sentence; the detail on a click."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.why import CHECKED
from heldout.report.blocks import Block, Commands, Fault, Fold, Prose
from heldout.report.material import Material
from heldout.report.section import Section
from heldout.report.sections._why_blocks import causes, lenses, tables, told
from heldout.report.sections._why_tables import findings_table


def message(material: Material) -> Sequence[Block]:
    """What stands before the waterfall: the message, or how to get one."""
    broken = [Fault(f"The diagnosis {id_}", said) for id_, said in material.diagnoses.items() if isinstance(said, str)]
    known = material.featured
    if known is not None:
        return (*broken, told(material, known))
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


def blocks(material: Material) -> Sequence[Block]:
    """What stands beside the waterfall: the causes; beneath both the tables, folded."""
    known = material.featured
    if known is None:
        return ()
    if known.explained:
        return (causes(material, known), *tables(material, known), *lenses(material, known))
    return (Fold(CHECKED, (findings_table(material, known),)),) if known.findings else ()


SECTION = Section(
    "why",
    "Why is the test score lower?",
    "",
    100,
    blocks,
    opening=message,
    labels=("single",),
    folded=False,
)
