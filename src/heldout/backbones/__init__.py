"""Pretrained networks: the catalogue of weights, and how one of them becomes a network with a new head.

Listing and resolving names never imports torch; `build`, `Network` and `weights_hash` do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heldout.backbones._catalogue import catalogue, fetch, find, resolve, sources, weights_here
from heldout.backbones._table import version_note
from heldout.records import BackboneInfo

if TYPE_CHECKING:
    from heldout.backbones._network import Network

__all__ = [
    "BackboneInfo",
    "Network",
    "build",
    "catalogue",
    "fetch",
    "find",
    "resolve",
    "sources",
    "version_note",
    "weights_hash",
    "weights_here",
]


def build(info: BackboneInfo, classes: int, image_size: int, seed: int, pretrained: bool = True) -> Network:
    """A pretrained trunk in stages with a new linear head; see `heldout.backbones._build.build`."""
    from heldout.backbones._build import build as make

    return make(info, classes, image_size, seed, pretrained)


def weights_hash(network: Network) -> str:
    """First 16 hexadecimal digits of SHA-256 over the trunk's tensors: names, types, shapes and bytes; not the head."""
    from heldout.backbones._network import weights_hash as digest

    return digest(network)


def __getattr__(name: str) -> object:
    """`Network`, imported when asked for, since it needs torch."""
    if name == "Network":
        from heldout.backbones._network import Network

        return Network
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
