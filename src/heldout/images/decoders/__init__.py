"""The shelf of decoders: one format a file, told by its first bytes."""

from __future__ import annotations

import threading

from heldout.images.decoders.decoder import Decoder
from heldout.registry import Shelf

decoders: Shelf[Decoder] = Shelf(
    "heldout.images.decoders", group="heldout.decoders", attribute="DECODER", noun="decoder"
)

_lock = threading.Lock()
_known: list[Decoder] = []


def every_decoder() -> tuple[Decoder, ...]:
    """All decoders; found once, though many threads ask at the same time."""
    with _lock:
        if not _known:
            _known.extend(decoders)
        return tuple(_known)


def decoder_of(head: bytes) -> Decoder | None:
    """The decoder that takes a file that begins so; None if no format here does."""
    return next((decoder for decoder in every_decoder() if decoder.takes(head)), None)


__all__ = ["Decoder", "decoder_of", "decoders", "every_decoder"]
