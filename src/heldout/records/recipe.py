"""Everything a run depends on; its hash is the run's id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from heldout.files import hash_of
from heldout.records.backbone import spoken_name
from heldout.records.codec import LATER, to_data
from heldout.records.input_map import InputMap
from heldout.records.labelling import SINGLE, LabellingName

Fit = Literal["stretch", "pad", "crop"]
Precision = Literal["no", "bf16", "fp16"]
PrecisionChoice = Literal["auto", "no", "bf16", "fp16"]
"""What a person may ask for; a recipe holds what came of it."""

Setting = str | int | float | bool | None | tuple[float, ...]


@dataclass(frozen=True)
class Recipe:
    """All that decides the numbers of a run.

    Attributes:
        cohort: Hash of the cohort.
        split: Hash of the split.
        classes: Class names in the order of their indices.
        backbone: Full name of the weights; `given:NAME` for a model that came with its predictions.
        weights: First 16 hexadecimal digits of the SHA-256 of the weights file, or `random` for none; of a given model
            a hash of its answers.
        strategy: Name of the strategy.
        settings: All fields of the strategy, defaults included.
        image_size: Side of the square input in pixels; 0 where no images were given.
        fit: How an image that is not square becomes square.
        interpolation: `bilinear` or `bicubic`.
        seed: Seed of everything that is drawn: the head, the order of images.
        precision: Mixed precision of the passes.
        labels: Whether an image is of one class or has several labels; what has one class is hashed without it, as
            it was before there was anything else.
        format: Version of this record.
        input_map: How values of the files become the network's input; None for 8-bit grey and RGB as they are.
    """

    cohort: str
    split: str
    classes: tuple[str, ...]
    backbone: str
    weights: str
    strategy: str
    settings: dict[str, Setting]
    image_size: int
    fit: Fit
    interpolation: str
    seed: int
    precision: Precision = "no"
    labels: LabellingName = "single"
    format: int = 1
    input_map: InputMap | None = field(default=None, metadata=LATER)

    @property
    def squares(self) -> str:
        """Names how images became the squares that the network takes: `224-stretch-bilinear`."""
        mapped = "" if self.input_map is None else f"-{self.input_map.key}"
        return f"{self.image_size}-{self.fit}-{self.interpolation}{mapped}"

    @property
    def in_channels(self) -> int:
        """Channels that the network's first layer takes."""
        return self.input_map.of if self.input_map is not None and self.input_map.adapted else 3

    @property
    def id(self) -> str:
        """The run's id: readable in front, a hash of the whole recipe behind."""
        short = "".join(c if c.isalnum() or c in "_-" else "_" for c in spoken_name(self.backbone))[:40]
        hashed = to_data(self)
        if self.labels == SINGLE.name:
            del hashed["labels"]
        if self.input_map is not None:
            hashed["input_map"].pop("depths", None)  # told by the cohort and the split, which are hashed
        return f"{short}-{self.strategy}-s{self.seed}-{hash_of(hashed, 8)}"
