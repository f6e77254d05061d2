"""The shelf of decoders: one format a file, told by its first bytes."""

from __future__ import annotations

from heldout.images.decoders.decoder import Decoder
from heldout.registry import Shelf

decoders: Shelf[Decoder] = Shelf(
    "heldout.images.decoders", group="heldout.decoders", attribute="DECODER", noun="decoder"
)


def decoder_of(head: bytes) -> Decoder | None:
    """The decoder that takes a file that begins so; None if no format here does."""
    return next((decoder for decoder in decoders if decoder.takes(head)), None)


def suffixes() -> frozenset[str]:
    """Endings of all formats, in lower case."""
    return frozenset(suffix for decoder in decoders for suffix in decoder.suffixes)


__all__ = ["Decoder", "decoder_of", "decoders", "suffixes"]
