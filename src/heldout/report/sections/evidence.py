"""The evidence: what the verdicts were judged from, and the images to see for oneself."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.report.blocks import Block, Fold
from heldout.report.gallery import galleries
from heldout.report.material import Material
from heldout.report.section import Section

OPEN = 2
"""Galleries that stand open; the others open on a click."""


def blocks(material: Material) -> Sequence[Block]:
    """Galleries of the images that the findings on the best run cite."""
    known = material.told
    if known is None:
        return ()
    made = galleries(material, known)
    return (*made[:OPEN], *(Fold(gallery.title, (gallery,)) for gallery in made[OPEN:]))


SECTION = Section(
    "evidence",
    "The evidence",
    "What the verdicts were judged from, and the images to inspect.",
    200,
    blocks,
    labels=("single",),
)
