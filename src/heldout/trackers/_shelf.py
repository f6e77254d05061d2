"""The shelf of trackers."""

from __future__ import annotations

from heldout.registry import Shelf
from heldout.trackers.tracker import Tracker

trackers: Shelf[Tracker] = Shelf("heldout.trackers", attribute="TRACKER", noun="tracker")
"""Programs that runs of a study can be sent to, to be looked at beside runs of other programs: one a file."""
