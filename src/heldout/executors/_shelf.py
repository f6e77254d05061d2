"""The shelf of executors."""

from __future__ import annotations

from heldout.executors.backend import Backend
from heldout.registry import Shelf

executors: Shelf[Backend] = Shelf("heldout.executors", attribute="EXECUTOR", noun="executor")
