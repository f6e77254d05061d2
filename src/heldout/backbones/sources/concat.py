"""Features of several networks side by side, as if of one: `concat:NAME+NAME`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from heldout.backbones.source import Source, Stages
from heldout.backbones.table import Entry
from heldout.errors import UsageError
from heldout.records import BackboneInfo
from heldout.records.backbone import CONCAT, members_of

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class ConcatEntry(Entry):
    """An entry that is made of others, in the order of its name."""

    members: tuple[Entry, ...] = ()


class Concat(Source):
    """Each network sees the image, normalised as its own weights expect; their pooled features are joined, (n, Σ d).

    Networks that were trained otherwise see other things, and a linear head weighs them together; with features that
    are computed once this costs the sum of their passes. All get images of one size, scaled as the first's weights
    expect. It runs as one stage: strategies that train some blocks alone do not apply.
    """

    name: ClassVar[str] = CONCAT
    rank: ClassVar[int] = 6
    for_files: ClassVar[bool] = False

    def parse(self, rest: str) -> Entry | None:
        """`NAME+NAME`, as many as wanted, each a name as `heldout models` knows it.

        Raises:
            UsageError: It is fewer than two, one of them twice, or a name that nothing has.
        """
        from heldout.backbones.lookup import lookup
        from heldout.backbones.sources import by_rank

        others = [source for source in by_rank() if source is not self]
        return _entry([lookup(name, others) for name in members_of(f"{self.name}:{rest}")], rest)

    def here(self, entry: Entry) -> Path | None:
        """The first network's file, if the files of all are here."""
        files = [_source(member).here(member) for member in _members(entry)]
        return files[0] if all(files) else None

    def fetch(self, entry: Entry) -> Path:
        """Every network's file; the first of them."""
        first, *_ = [_source(member).fetch(member) for member in _members(entry)]
        return first

    def digest(self, entry: Entry) -> str:
        """Of all networks' digests."""
        together = " ".join(_source(member).digest(member) for member in _members(entry))
        return hashlib.sha256(together.encode()).hexdigest()[:16]

    def state(self, entry: Entry, file: Path) -> dict[str, Tensor]:
        """The tensors of all networks under the names that the trunk has for them."""
        return dict(self.trunk(entry, entry.info.input_size, file).state_dict())

    def model(self, entry: Entry, image_size: int) -> nn.Module:
        """The trunk: there is no classifier of all together."""
        return self.trunk(entry, image_size, None)

    def trunk(self, entry: Entry, image_size: int, weights: Path | None) -> nn.Module:
        """The networks side by side, each with its own file if `weights` is one, else random."""
        from heldout.backbones.assemble import Whole
        from heldout.backbones.network import Input, SideBySide

        members = []
        for member in _members(entry):
            source = _source(member)
            trunk = source.trunk(member, image_size, None if weights is None else source.fetch(member))
            members.append((Input(member.info.mean, member.info.std), Whole(source, member, trunk)))
        return SideBySide(members)

    def features(self, entry: Entry, trunk: nn.Module, images: Tensor) -> Tensor:
        """Each network's own forward pass on images that are normalised for it."""
        features: Tensor = trunk(images)
        return features

    def stages(self, entry: Entry, trunk: nn.Module) -> Stages:
        """One stage."""
        return [("networks", trunk)]


SOURCE = Concat()


def _members(entry: Entry) -> tuple[Entry, ...]:
    assert isinstance(entry, ConcatEntry)
    return entry.members


def _source(member: Entry) -> Source:
    from heldout.backbones.lookup import source_of

    return source_of(member.info)


def _entry(members: Sequence[Entry], rest: str) -> ConcatEntry:
    infos = [member.info for member in members]
    if len(infos) < 2 or len({info.name for info in infos}) < len(infos):
        raise UsageError(
            f"Found concat:{rest}; expected two different networks or more with + between them, "
            f"such as concat:efficientnet_lite0+efficientnet_lite2."
        )
    size = max(info.input_size for info in infos)
    counted = [info.gflops for info in infos if info.gflops is not None and info.input_size == size]
    files = [info.file_mb for info in infos if info.file_mb is not None]
    info = BackboneInfo(
        name=f"{Concat.name}:{'+'.join(info.name for info in infos)}",
        source=Concat.name,
        architecture="+".join(info.architecture for info in infos),
        tag="",
        acc1=None,
        acc5=None,
        params=sum(info.params for info in infos) if all(info.params for info in infos) else 0,
        gflops=sum(counted) if len(counted) == len(infos) else None,
        file_mb=sum(files) if len(files) == len(infos) else None,
        input_size=size,
        mean=(0.0, 0.0, 0.0),  # each network normalises for itself
        std=(1.0, 1.0, 1.0),
        interpolation=infos[0].interpolation,
        licence="; ".join(dict.fromkeys(info.licence for info in infos if info.licence)),
        recipe=" ".join(info.recipe for info in infos if info.recipe),
        computed=("params", "gflops", "file_mb"),
    )
    return ConcatEntry(info=info, default=True, classes=0, measured=f"{size}x{size}", members=tuple(members))
