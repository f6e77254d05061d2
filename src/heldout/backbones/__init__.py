"""Pretrained networks: the catalogue of weights, and how one of them becomes a network with a new head.

Listing and resolving names never imports torch; `build`, `Network` and `weights_hash` do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heldout.backbones.lookup import catalogue, digest, fetch, find, resolve, weights_here
from heldout.backbones.versions import installed_versions, version_note
from heldout.records import BackboneInfo

if TYPE_CHECKING:
    from heldout.backbones.network import Network

__all__ = [
    "BackboneInfo",
    "Network",
    "build",
    "catalogue",
    "digest",
    "fetch",
    "find",
    "installed_versions",
    "resolve",
    "version_note",
    "weights_hash",
    "weights_here",
]


def build(
    info: BackboneInfo, classes: int, image_size: int, seed: int, pretrained: bool = True, channels: int = 3
) -> Network:
    """A pretrained trunk in stages with a new linear head; see `heldout.backbones.assemble.build`."""
    from heldout.backbones.assemble import build as make

    return make(info, classes, image_size, seed, pretrained, channels)


def weights_hash(network: Network) -> str:
    """First 16 hexadecimal digits of SHA-256 over the trunk's tensors: names, types, shapes and bytes; not the head."""
    from heldout.backbones.network import weights_hash as digest

    return digest(network)


def __getattr__(name: str) -> object:
    """`Network`, imported when asked for, since it needs torch."""
    if name == "Network":
        from heldout.backbones.network import Network

        return Network
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
