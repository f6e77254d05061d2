"""The shelf of stresses."""

from __future__ import annotations

from heldout.registry import Shelf
from heldout.stresses.stress import AnyStress

stresses: Shelf[AnyStress] = Shelf("heldout.stresses", attribute="STRESS", noun="stress")
