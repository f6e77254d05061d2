"""What a section plug-in is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heldout.report.blocks import Block
from heldout.report.material import Material


def nothing(material: Material) -> Sequence[Block]:
    """Blocks of a section that has figures only."""
    return ()


@dataclass(frozen=True)
class Section:
    """A section of the report, bound to `SECTION` in a file of its own.

    Attributes:
        name: Name on the shelf and anchor on the page; figures name it as their section.
        title: Heading.
        lead: One sentence on what to look for.
        order: Its place on the page: ours are the hundreds from 100 to 1500, so that another may stand between.
        blocks: Tables and words; without any, and without a figure, the section is left out.
        figures_first: Whether figures stand before the blocks.
        opening: What stands before both.
        labels: Of studies of which labels it speaks: one class an image (`single`), several labels (`several`).
        folded: Whether it opens on a click: whatever a reader of the first two screens can do without.
    """

    name: str
    title: str
    lead: str
    order: int
    blocks: Callable[[Material], Sequence[Block]]
    figures_first: bool = True
    opening: Callable[[Material], Sequence[Block]] = nothing
    labels: tuple[str, ...] = ("single", "several")
    folded: bool = True
