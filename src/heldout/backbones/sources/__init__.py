"""Where weights come from: one source a file."""

from heldout.backbones.source import Source
from heldout.registry import Shelf

sources: Shelf[Source] = Shelf("heldout.backbones.sources", attribute="SOURCE", noun="source of weights")


def by_rank() -> list[Source]:
    """The sources in the order in which names are looked up: offline, torchvision, timm, file, hub, then others."""
    return sorted(sources, key=lambda source: (source.rank, source.name))


__all__ = ["by_rank", "sources"]
