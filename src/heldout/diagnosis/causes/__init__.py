"""Why test is lower, one cause a file: each judges a run from records, without torch, and answers with a `Finding`."""

from typing import Any

from heldout.diagnosis.causes.cause import Cause, Missing, Told, manual, without
from heldout.registry import Shelf

causes: Shelf[Cause[Any]] = Shelf("heldout.diagnosis.causes", attribute="CAUSE", noun="cause", group="heldout.causes")

__all__ = ["Cause", "Missing", "Told", "causes", "manual", "without"]
