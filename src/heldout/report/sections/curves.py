"""How the runs learned, epoch by epoch: figures only."""

from __future__ import annotations

from heldout.report.section import Section, nothing

SECTION = Section(
    "curves",
    "How they learned",
    "Look for a validation curve that settles, and for a training curve that leaves it behind.",
    500,
    nothing,
)
