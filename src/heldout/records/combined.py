"""Names of changes that were made together: members of a set, each an intervention and its variant."""

from __future__ import annotations

from collections.abc import Iterable

JOINED = " + "


def member(intervention: str, variant: str) -> str:
    """Name of a change: `quality:noise`."""
    return f"{intervention}:{variant}"


def intervention_of(name: str) -> str:
    """The intervention that made a change."""
    return name.partition(":")[0]


def together(names: Iterable[str]) -> str:
    """Name of the variant in which all of these were made.

    >>> together(["cues:across:corners", "quality:noise"])
    'cues:across:corners + quality:noise'
    """
    return JOINED.join(names)


def members(variant: str) -> tuple[str, ...]:
    """The changes of such a variant."""
    return tuple(variant.split(JOINED))
