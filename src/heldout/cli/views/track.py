"""What was sent to a tracker, in a sentence."""

from __future__ import annotations

from heldout.answer.texts import count
from heldout.trackers.tracker import Sent

PLURAL = {"run": "runs", "search": "searches"}


def sentence(sent: Sent) -> str:
    """How many runs or searches went where, and how to look at them."""
    if not sent.new and not sent.known:
        return f"Nothing was sent to {sent.tracker}: the study has no {sent.noun}."
    known = f"; {len(sent.known)} were there" if sent.known else ""
    new = count(len(sent.new), sent.noun, PLURAL[sent.noun])
    return f"Sent to {sent.tracker}: {new}{known}. To look at them: {sent.look}"
