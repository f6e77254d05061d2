"""Weights of your own: `file:PATH@ARCH`, a state dict of an architecture that another source knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from heldout.backbones.constructor import Constructor
from heldout.backbones.lookup import lookup, source_of
from heldout.backbones.source import Source, Stages
from heldout.backbones.sources import by_rank
from heldout.backbones.table import Entry
from heldout.errors import InputError, Problem, UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class FileEntry(Entry):
    """An entry whose weights are at a path; `base` is the entry of the architecture."""

    path: Path = Path()
    base: Entry | None = None


class File(Source):
    """A `.safetensors` or `.pth` file, e.g. a backbone trained on other images of yours.

    What the file does not state is that of the architecture's default weights: input size, mean, std, interpolation.
    All of it is marked as computed, since nobody stated it for these weights.
    """

    name: ClassVar[str] = "file"
    rank: ClassVar[int] = 3
    for_files: ClassVar[bool] = False

    def entries(self) -> tuple[Entry, ...]:
        """None: files have no catalogue."""
        return ()

    def parse(self, rest: str) -> Entry | None:
        """`PATH@ARCH`.

        Raises:
            UsageError: It is not of that form, or the architecture is unknown.
            InputError: The file is not there.
        """
        path_text, at, architecture = rest.rpartition("@")
        if not (at and path_text and architecture):
            raise UsageError(
                f"Found 'file:{rest}'; expected file:PATH@ARCHITECTURE, e.g. file:mine.safetensors@resnet18."
            )
        path = Path(path_text).expanduser()
        if not path.is_file():
            raise InputError(
                [Problem(str(path), "no file", "a .safetensors or .pth file of weights", "Check the path.")],
                title="The weights cannot be read",
            )
        base = lookup(architecture, [source for source in by_rank() if source.for_files])
        info = replace(
            base.info,
            name=f"file:{rest}",
            source="file",
            tag="",
            acc1=None,
            acc5=None,
            file_mb=path.stat().st_size / 1e6,
            licence="",
            recipe="",
            computed=("params", "gflops", "file_mb", "input_size", "mean", "std", "interpolation"),
        )
        return FileEntry(info=info, default=True, classes=base.classes, measured=base.measured, path=path, base=base)

    def here(self, entry: Entry) -> Path | None:
        """The file itself."""
        path = _own(entry).path
        return path if path.is_file() else None

    def state(self, entry: Entry, file: Path) -> dict[str, Tensor]:
        """The file's tensors, under the names of the architecture's library."""
        source, base = _library(entry)
        return source.state(base, file)

    def model(self, entry: Entry, image_size: int) -> nn.Module:
        """The library's model."""
        source, base = _library(entry)
        return source.model(base, image_size)

    def trunk(self, entry: Entry, image_size: int, weights: Path | None) -> nn.Module:
        """The library's model; the file may have a classifier for any number of classes, or none."""
        source, base = _library(entry)
        if weights is not None:
            base = replace(base, classes=_classes(source, base, source.state(base, weights)))
        return source.trunk(base, image_size, weights)

    def constructor(self, entry: Entry, image_size: int, classes: int, channels: int) -> Constructor | None:
        """The library's."""
        source, base = _library(entry)
        return source.constructor(base, image_size, classes, channels)

    def features(self, entry: Entry, trunk: nn.Module, images: Tensor) -> Tensor:
        """By the library's own forward pass."""
        source, base = _library(entry)
        return source.features(base, trunk, images)

    def stages(self, entry: Entry, trunk: nn.Module) -> Stages:
        """As the library's source cuts it."""
        source, base = _library(entry)
        return source.stages(base, trunk)


SOURCE = File()


def _own(entry: Entry) -> FileEntry:
    assert isinstance(entry, FileEntry)
    return entry


def _library(entry: Entry) -> tuple[Source, Entry]:
    base = _own(entry).base
    assert base is not None
    return source_of(base.info), base


def _classes(source: Source, base: Entry, tensors: dict[str, Tensor]) -> int:
    """Outputs of the file's classifier; 0 if it has none. The classifier is what the trunk lacks of the whole model."""
    from heldout.backbones.measure import weightless

    size = base.info.input_size
    whole = weightless(partial(source.model, base, size)).state_dict()
    trunk = weightless(partial(source.trunk, base, size, None)).state_dict()
    layers = [name for name in whole if name not in trunk and name.endswith("weight") and name in tensors]
    return int(tensors[layers[-1]].shape[0]) if layers else 0
