"""The gaps of the runs that are not told first: what each is made of; its figures, causes and images on a click."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.records import Diagnosis
from heldout.report.blocks import Block, Fold
from heldout.report.drawing import drawn_of
from heldout.report.gallery import galleries
from heldout.report.material import Material
from heldout.report.section import Section
from heldout.report.sections._why_blocks import causes, in_short, lenses, remedies, tables, told
from heldout.report.sections._why_tables import budgets_table

DRAWN = ("why", "subgroups", "evidence")
"""Sections whose figures are of one diagnosis."""


def blocks(material: Material) -> Sequence[Block]:
    """The budget of every run in a table, then a run a fold."""
    every = material.diagnosed
    if len(every) < 2:
        return ()
    return (budgets_table(material, every), *(of_run(material, one) for one in every if one is not material.main))


def of_run(material: Material, diagnosis: Diagnosis) -> Fold:
    """All that is known of a run's gap; where it covers 0, what was checked."""
    message = told(material, diagnosis)
    if not diagnosis.explained:
        return Fold(in_short(material, diagnosis), (message, *tables(material, diagnosis)))
    waterfall, *others = (drawn_of(material, diagnosis, (name,)) for name in DRAWN)
    return Fold(
        in_short(material, diagnosis),
        (
            message,
            *waterfall,
            causes(material, diagnosis),
            *tables(material, diagnosis),
            *lenses(material, diagnosis),
            *remedies(material, diagnosis),
            *(block for some in others for block in some),
            *galleries(material, diagnosis),
        ),
    )


SECTION = Section(
    "other-runs",
    "The other runs",
    "What the gap of every run is made of; causes, figures and images of each.",
    220,
    blocks,
    figures_first=False,
    labels=("single",),
)
