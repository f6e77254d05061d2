"""Why test is lower, one cause a file: each judges a run from records, without torch, and answers with a `Finding`."""

from heldout.diagnosis.causes._case import Case
from heldout.diagnosis.causes._cause import Cause, manual
from heldout.registry import Shelf

causes: Shelf[Cause] = Shelf("heldout.diagnosis.causes", group="heldout.causes", attribute="CAUSE", noun="cause")

__all__ = ["Case", "Cause", "causes", "manual"]
