"""What was sent to a tracker, in a sentence."""

from __future__ import annotations

from heldout.trackers.tracker import Sent


def sentence(sent: Sent) -> str:
    """How many runs went where, and how to look at them."""
    known = f"; {len(sent.known)} were there" if sent.known else ""
    runs = f"{len(sent.new)} run{'' if len(sent.new) == 1 else 's'}"
    return f"Sent to {sent.tracker}: {runs}{known}. To look at them: {sent.look}"
