"""What the runs cost in time: figures only."""

from __future__ import annotations

from heldout.report.section import Section, nothing

SECTION = Section("time", "Time", "Measured on the machine named under settings.", 1000, nothing)
