"""What stands in the place of a part that could not be made."""

from __future__ import annotations

from heldout.report.blocks import Fault

LONGEST = 300
"""Characters of an error that are shown."""


def fault(title: str, error: Exception) -> Fault:
    """A fault block with the error in a few words."""
    return Fault(title, reason(error))


def reason(error: Exception) -> str:
    """An error in a few words."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:LONGEST]}"
