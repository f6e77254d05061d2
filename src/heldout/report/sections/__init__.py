"""The sections of the report: one section a file, found by the shelf and put at the place it names."""

from heldout.registry import Shelf
from heldout.report.section import Section

sections: Shelf[Section] = Shelf(
    "heldout.report.sections", attribute="SECTION", noun="report section", group="heldout.sections"
)

__all__ = ["Section", "sections"]
