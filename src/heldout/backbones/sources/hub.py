"""Networks of the model hub by name: `hub:ORG/NAME[@REVISION][:POOLING]`, through timm and transformers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from heldout.backbones.caches import given_folder
from heldout.backbones.hub.described import Description, described
from heldout.backbones.hub.fetching import fetch_weights, obtained
from heldout.backbones.hub.names import HubName
from heldout.backbones.hub.snapshots import Snapshot, all_cached, numbers_in, tower_of
from heldout.backbones.source import Source, Stages
from heldout.backbones.table import Entry, table
from heldout.errors import HeldoutError, InputError, Problem
from heldout.optional import check
from heldout.records import BackboneInfo

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class HubEntry(Entry):
    """An entry that is a commit of a repository; `pooling` is part of its name."""

    snapshot: Snapshot | None = None
    description: Description | None = None
    pooling: str = ""


class Hub(Source):
    """Any network of the hub that timm or transformers builds, from safetensors.

    The full name holds the commit and the pooling, so that a run says exactly what it was made with:
    `hub:facebook/dinov2-small@ed25f3a31f01632728cabb09d1542f84ab7b0056:cls`.
    """

    name: ClassVar[str] = "hub"
    rank: ClassVar[int] = 4
    for_files: ClassVar[bool] = False

    def entries(self) -> tuple[Entry, ...]:
        """Repositories whose weights are in the hub's cache; those that the table names already stand there."""
        known = {entry.hub for entry in table().entries}
        found = []
        for snapshot in all_cached():
            if snapshot.repository in known or snapshot.weights() is None:
                continue
            try:
                found.append(_entry(snapshot, described(snapshot), ""))
            except HeldoutError:  # the cache holds language models and much else
                continue
        return tuple(found)

    def parse(self, rest: str) -> Entry | None:
        """`ORG/NAME[@REVISION][:POOLING]`; its small files are fetched where they are not here.

        Raises:
            UsageError: It is not of that form, or the network has no such tokens.
            HeldoutError: The repository cannot be had or is not supported; says what to do.
        """
        name = HubName.of(rest)
        snapshot = obtained(name)
        description = described(snapshot)
        if description.library == "transformers":
            check("transformers", "hub")
        return _entry(snapshot, description, name.pooling)

    def here(self, entry: Entry) -> Path | None:
        """A file given by hand, else what is in the hub's cache."""
        given = self.stored(entry)
        return given if given.is_file() else _snapshot(entry).weights()

    def stored(self, entry: Entry) -> Path:
        """A folder of our own: the hub's cache has no place for files from elsewhere."""
        snapshot = _snapshot(entry)
        name = f"{snapshot.repository.replace('/', '--')}@{snapshot.commit}.safetensors"
        return given_folder() / "hub" / name

    def download(self, entry: Entry) -> Path:
        """From the hub, safetensors only."""
        return fetch_weights(_snapshot(entry))

    def state(self, entry: Entry, file: Path) -> dict[str, Tensor]:
        """The tensors as the library names them when they are loaded."""
        return dict(self.trunk(entry, entry.info.input_size, file).state_dict())

    def model(self, entry: Entry, image_size: int) -> nn.Module:
        """The trunk: image encoders have no classifier of their own."""
        return self.trunk(entry, image_size, None)

    def trunk(self, entry: Entry, image_size: int, weights: Path | None) -> nn.Module:
        """The image encoder alone, its classifier and text tower left out."""
        own = _own(entry)
        snapshot, description = _snapshot(entry), _description(entry)
        if weights is not None and not weights.name.endswith((".safetensors", ".safetensors.index.json")):
            remedy = (
                "Convert it: safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'model.safetensors')."
            )
            problem = Problem(str(weights), "a pickle, which can hold code", "a .safetensors file", remedy)
            raise InputError([problem], title="The weights were not read")
        if description.library == "timm":
            from heldout.backbones.hub import with_timm

            return with_timm.make(description, own.pooling, image_size, weights, snapshot.shapes())
        from heldout.backbones.hub import with_transformers

        return with_transformers.make(snapshot, description, own.pooling, image_size, weights)

    def features(self, entry: Entry, trunk: nn.Module, images: Tensor) -> Tensor:
        """By the library's own forward pass."""
        description, pooling = _description(entry), _own(entry).pooling
        if description.library == "timm":
            from heldout.backbones.hub import with_timm

            return with_timm.features(trunk, pooling, images)
        from heldout.backbones.hub import with_transformers

        return with_transformers.features(trunk, description, pooling, images)

    def stages(self, entry: Entry, trunk: nn.Module) -> Stages:
        """Embedding, each block, norm, pooling."""
        description, pooling = _description(entry), _own(entry).pooling
        if description.library == "timm":
            from heldout.backbones.hub import with_timm

            return with_timm.stages(trunk, pooling)
        from heldout.backbones.hub import with_transformers

        return with_transformers.stages(trunk, description, pooling)


SOURCE = Hub()


def _own(entry: Entry) -> HubEntry:
    assert isinstance(entry, HubEntry)
    return entry


def _snapshot(entry: Entry) -> Snapshot:
    snapshot = _own(entry).snapshot
    assert snapshot is not None
    return snapshot


def _description(entry: Entry) -> Description:
    description = _own(entry).description
    assert description is not None
    return description


def _entry(snapshot: Snapshot, description: Description, wanted: str) -> Entry:
    pooling = description.pooling(wanted)
    shapes = tower_of(snapshot.shapes())
    file = snapshot.weights()
    size = None if file is None else sum((snapshot.folder / part).stat().st_size for part in snapshot.parts(file.name))
    info = BackboneInfo(
        name=str(HubName(snapshot.repository, snapshot.commit, pooling)),
        source="hub",
        architecture=description.architecture,
        tag="",
        acc1=None,
        acc5=None,
        params=numbers_in(shapes),
        gflops=None,
        file_mb=None if size is None else size / 1e6,
        input_size=description.input_size,
        mean=description.mean,
        std=description.std,
        interpolation=description.interpolation,
        licence=description.licence,
        recipe=f"https://huggingface.co/{snapshot.repository}/tree/{snapshot.commit}",
        computed=("params", "gflops", "file_mb", *description.stands_for),
    )
    return HubEntry(
        info=info,
        default=True,
        hub=snapshot.repository,
        classes=description.classes,
        measured=f"{description.input_size}x{description.input_size}",
        snapshot=snapshot,
        description=description,
        pooling=pooling,
    )
