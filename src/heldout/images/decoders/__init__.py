"""The shelf of decoders: one format a file, told by its first bytes."""

from __future__ import annotations

import threading

from heldout.images.decoders.decoder import Decoder
from heldout.images.opened import ImageFile
from heldout.registry import Shelf

decoders: Shelf[Decoder] = Shelf(
    "heldout.images.decoders", group="heldout.decoders", attribute="DECODER", noun="decoder"
)

_lock = threading.Lock()


def every_decoder() -> tuple[Decoder, ...]:
    """All decoders. One thread at a time: the first one finds them, and none may meet a shelf half filled."""
    with _lock:
        return tuple(decoders)


def decoder_for(file: ImageFile) -> Decoder | None:
    """The decoder that claims a file, else the one that takes its first bytes; None if no format here does."""
    return next((decoder for decoder in every_decoder() if decoder.claims(file)), None) or decoder_of(file.head)


def decoder_of(head: bytes) -> Decoder | None:
    """The decoder that takes a file that begins so; None if no format here does."""
    return next((decoder for decoder in every_decoder() if decoder.takes(head)), None)


__all__ = ["Decoder", "decoder_for", "decoder_of", "decoders", "every_decoder"]
