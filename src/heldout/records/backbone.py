"""What pretrained weights carry with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath

GIVEN = "given"
"""What stands for the source in the name of a model that came with its predictions: `given:NAME`. It is also the name
of its strategy."""


@dataclass(frozen=True)
class BackboneInfo:
    """One set of pretrained weights, as the catalogue knows it.

    Attributes:
        name: Full name, `source:architecture.tag`: `torchvision:resnet34.IMAGENET1K_V1`; of the model hub
            `hub:ORG/NAME@COMMIT:POOLING`.
        source: Name of the source of weights that loads it, e.g. `torchvision`.
        architecture: Name of the architecture in its library.
        tag: Name of the weights; empty if there is only one.
        acc1: ImageNet-1K top-1 accuracy in percent as the catalogue states it, or None. Never computed, never guessed.
        acc5: Likewise top-5.
        params: Number of parameters with the original classifier; 0 where it is not known.
        gflops: Multiply-adds of one forward pass in 10^9 at `input_size` (what the field calls GFLOPs).
        file_mb: Size of the weights file in MB (10^6 bytes, except where the catalogue states its own), or None.
        input_size: Side of the square input in pixels that the weights were evaluated at.
        mean: Per-channel mean the input is normalised with, on the scale [0, 1].
        std: Likewise the standard deviation.
        interpolation: `bilinear` or `bicubic`: how images were resized for these weights.
        licence: SPDX name or the words of the catalogue; empty if it states none.
        recipe: Link to the training recipe or model card.
        computed: Names of those fields above that were computed by us rather than stated by the catalogue.
    """

    name: str
    source: str
    architecture: str
    tag: str
    acc1: float | None
    acc5: float | None
    params: int
    gflops: float | None
    file_mb: float | None
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    licence: str
    recipe: str
    computed: tuple[str, ...] = field(default=())


CONCAT = "concat"
"""Source of networks whose features stand side by side: `concat:NAME+NAME`."""


def members_of(name: str) -> tuple[str, ...]:
    """The names that the name of networks side by side is made of; a name of another source alone.

    >>> members_of("concat:offline:efficientnet_lite0+hub:facebook/dinov2-small:cls+mean")
    ('offline:efficientnet_lite0', 'hub:facebook/dinov2-small:cls+mean')
    """
    source, _, rest = name.partition(":")
    return tuple(_BETWEEN.split(rest)) if source == CONCAT else (name,)


_BETWEEN = re.compile(r"(?<!:cls)\+|(?<=:cls)\+(?!mean(?:\+|$))")
"""A plus that is not that of the pooling `cls+mean`."""


def spoken_name(name: str) -> str:
    """What people call a set of weights whose full name is given; several full names may share it.

    >>> spoken_name("torchvision:resnet34.IMAGENET1K_V1"), spoken_name("file:/data/own.v2.safetensors@resnet18")
    ('resnet34', 'own.v2')
    >>> spoken_name("hub:facebook/dinov2-small@ed25f3a31f01632728cabb09d1542f84ab7b0056:cls")
    'dinov2-small'
    >>> spoken_name("concat:offline:efficientnet_lite0+offline:efficientnet_lite2")
    'efficientnet_lite0+efficientnet_lite2'
    """
    source, _, rest = name.partition(":")
    if source == CONCAT:
        return "+".join(spoken_name(member) for member in members_of(name))
    if source == GIVEN:
        return rest
    if source == "file":
        return PurePath(rest.rpartition("@")[0] or rest).stem or name
    repository = rest.partition("@")[0]
    if "/" in repository:
        return repository.rpartition("/")[2] or name
    return rest.partition(".")[0] or name
