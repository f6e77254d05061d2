"""A source of weights: one network of two convolutions, its weights in a folder of this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from heldout.backbones.source import Source, Stages
from heldout.backbones.table import Entry
from heldout.records import BackboneInfo

if TYPE_CHECKING:
    from torch import Tensor, nn

ROW = BackboneInfo(
    name="elsewhere:two_layers.cells",
    source="elsewhere",
    architecture="two_layers",
    tag="cells",
    acc1=None,
    acc5=None,
    params=2_500,
    gflops=None,
    file_mb=0.01,
    input_size=32,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    interpolation="bilinear",
    licence="MIT",
    recipe="",
)


class Elsewhere(Source):
    """One network of two convolutions, its weights in the folder that $ELSEWHERE names."""

    name: ClassVar[str] = "elsewhere"

    def entries(self) -> tuple[Entry, ...]:
        return (Entry(info=ROW, default=True, file="two_layers.safetensors", classes=10),)

    def here(self, entry: Entry) -> Path | None:
        file = Path(os.environ["ELSEWHERE"]) / entry.file
        return file if file.is_file() else None

    def state(self, entry: Entry, file: Path) -> dict[str, Tensor]:
        from heldout.backbones.weights import read_tensors

        return read_tensors(file)

    def model(self, entry: Entry, image_size: int) -> nn.Module:
        from torch import nn

        stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU())
        block = nn.Sequential(nn.Conv2d(8, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU())
        pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        model = nn.Sequential(stem, block, pool)
        if entry.classes:
            model.append(nn.Linear(16, entry.classes))
        return model

    def trunk(self, entry: Entry, image_size: int, weights: Path | None) -> nn.Module:
        from torch import nn

        from heldout.backbones.weights import load_strictly

        model = self.model(entry, image_size)
        if weights is not None:
            load_strictly(model, self.state(entry, weights), weights, entry.info.name)
        return nn.Sequential(*list(model.children())[:3])

    def features(self, entry: Entry, trunk: nn.Module, images: Tensor) -> Tensor:
        features: Tensor = trunk(images)
        return features

    def stages(self, entry: Entry, trunk: nn.Module) -> Stages:
        return list(zip(("stem", "block", "pool"), trunk.children(), strict=True))


SOURCE = Elsewhere()
