"""Finding weights by name, without torch."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Sequence
from pathlib import Path

from heldout.backbones.source import Source
from heldout.backbones.sources import by_rank, sources
from heldout.backbones.table import Entry
from heldout.errors import UsageError
from heldout.records import BackboneInfo


def entries() -> tuple[Entry, ...]:
    """Every row of every source."""
    return tuple(entry for source in by_rank() for entry in source.entries())


def catalogue() -> tuple[BackboneInfo, ...]:
    """All weights that have a name: source by source in the order of their ranks, each in the order of names."""
    return tuple(entry.info for entry in entries())


def find(pattern: str = "") -> tuple[BackboneInfo, ...]:
    """Weights whose full name contains a text or matches a glob, whatever the case.

    Args:
        pattern: `resnet34`, `timm:convnext*in1k`; empty for all.
    """
    wanted = pattern.lower()
    if any(sign in wanted for sign in "*?["):
        # A glob may leave out the source: `resnet*` means every source's.
        return tuple(
            info
            for info in catalogue()
            if fnmatch.fnmatchcase(info.name.lower(), wanted)
            or fnmatch.fnmatchcase(info.name.partition(":")[2].lower(), wanted)
        )
    return tuple(info for info in catalogue() if wanted in info.name.lower())


def resolve(name: str) -> BackboneInfo:
    """The weights that a name means.

    A full name (`torchvision:resnet34.IMAGENET1K_V1`) is taken as it is. A short one may leave out the source, the tag
    or both: sources are asked in the order of their ranks (offline, torchvision, timm, file, hub, then others). Within
    torchvision the tag IMAGENET1K_V1 is taken where there is one, else torchvision's DEFAULT
    (`torchvision_.FOUNDING_TAG` says why); within timm, timm's default tag. `file:PATH@ARCHITECTURE` names a file of
    one's own, `hub:ORG/NAME[@REVISION][:POOLING]` a repository of the model hub.

    Raises:
        UsageError: No such weights; the text names the nearest ones.
    """
    return lookup(name, by_rank()).info


def lookup(name: str, among: Sequence[Source]) -> Entry:
    """The entry that a name means, among some sources.

    Raises:
        UsageError: None; the text names the nearest ones.
    """
    prefix, colon, rest = name.strip().partition(":")
    named = [source for source in among if source.name == prefix] if colon else list(among)
    if colon and not named:
        raise UsageError(f"Unknown source '{prefix}' in '{name}'. There are: {', '.join(s.name for s in among)}.")
    wanted = rest if colon else name.strip()
    for source in named:
        rows = source.entries()
        for entry in rows:
            if entry.info.name.partition(":")[2] == wanted:
                return entry
        family = [entry for entry in rows if entry.info.architecture == wanted]
        if family:
            return next((entry for entry in family if entry.default), family[0])
        parsed = source.parse(rest) if colon else None
        if parsed is not None:
            return parsed
    raise UsageError(_unknown(name, wanted, named))


def named(name: str) -> Entry | None:
    """What a full name means that no row of the catalogue has (`hub:ORG/NAME`); None where it is no such name.

    Raises:
        HeldoutError: It is one, and what it names cannot be had.
    """
    prefix, _, rest = name.strip().partition(":")
    return sources.get(prefix).parse(rest) if rest and prefix in sources.names() else None


def _unknown(name: str, wanted: str, among: Sequence[Source]) -> str:
    infos = [entry.info for source in among for entry in source.entries()]
    names = dict.fromkeys(
        [info.architecture for info in infos] + [f"{info.architecture}.{info.tag}" for info in infos if info.tag]
    )
    lower = {candidate.lower(): candidate for candidate in names}
    near = difflib.get_close_matches(wanted.lower(), lower, n=4, cutoff=0.5)
    hint = f"Did you mean {', '.join(lower[match] for match in near)}? " if near else ""
    return f"Unknown model '{name}'. {hint}`heldout models PATTERN` lists what there is."


def source_of(info: BackboneInfo) -> Source:
    """The source that loads some weights."""
    return sources.get(info.source)


def entry_of(info: BackboneInfo) -> Entry:
    """The catalogue's entry of some weights."""
    return lookup(info.name, [source_of(info)])


def weights_here(info: BackboneInfo) -> Path | None:
    """The file with the weights if it is on this machine, else None."""
    return source_of(info).here(entry_of(info))


def digest(info: BackboneInfo) -> str:
    """First 16 hexadecimal digits of SHA-256 of the weights, downloaded where they are not on this machine.

    Raises:
        HeldoutError: They cannot be had; the text says which file to put where.
    """
    return source_of(info).digest(entry_of(info))


def fetch(info: BackboneInfo) -> Path:
    """The file with the weights, downloaded where it is not on this machine.

    Raises:
        HeldoutError: It cannot be had; the text says which file to put where.
    """
    return source_of(info).fetch(entry_of(info))
