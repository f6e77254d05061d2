"""Every quantity of the page in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.report.blocks import Block, Prose, Terms
from heldout.report.definitions import DEFINITIONS, DOCS
from heldout.report.definitions_diagnosis import DIAGNOSIS
from heldout.report.material import Material
from heldout.report.section import Section


def blocks(material: Material) -> Sequence[Block]:
    """All terms; those of a diagnosis where there is one."""
    terms = DEFINITIONS + (DIAGNOSIS if material.diagnoses else ())
    more = " and diagnosis.md" if material.diagnoses else ""
    return Terms(terms), Prose(f"The formulas and their reasons at length: {DOCS}/statistics.md{more}")


SECTION = Section(
    "definitions", "What the words mean", "Every quantity of this page.", 1400, blocks, figures_first=False
)
