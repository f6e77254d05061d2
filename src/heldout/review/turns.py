"""Whose turn which image is: every reader sees the images in an order of their own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from heldout.review.snapshot import Image, Reader, Reading, Snapshot
from heldout.review.verdicts import verdicts


@dataclass(frozen=True)
class Progress:
    """How far a person is.

    Attributes:
        read: Images that they have read, of those that are theirs.
        total: Images that are theirs.
        next: The one that they are to read now; None when all are read.
        last: Their last reading, which they may take back; None if there is none.
    """

    read: int
    total: int
    next: Image | None
    last: Reading | None


def order_of(reader: Reader, images: tuple[Image, ...]) -> tuple[Image, ...]:
    """Images in a reader's own order.

    The record's order is the most doubtful first and would tell which labels the model contradicts; an order that all
    share would let readers speak of "the third one". Images that are asked for later find their places among the
    others.
    """
    return tuple(sorted(images, key=lambda image: hashlib.sha256(f"{reader.seed} {image.token}".encode()).digest()))


def progress_of(reader: Reader, snapshot: Snapshot) -> Progress:
    """How far a person is: a reader with all images, an adjudicator with those that readers differ on."""
    own = snapshot.by_reader[reader.number]
    images = order_of(reader, snapshot.images)
    if reader.role == "adjudicator":
        theirs = {
            one.image.number
            for one in verdicts(snapshot)
            if one.outcome == "disputed" or (one.decision is not None and one.decision.reader == reader.number)
        }
        images = tuple(image for image in images if image.number in theirs)
    unread = [image for image in images if image.number not in own]
    last = max(own.values(), key=lambda reading: reading.number, default=None)
    return Progress(len(images) - len(unread), len(images), unread[0] if unread else None, last)
