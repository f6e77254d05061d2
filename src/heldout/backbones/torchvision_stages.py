"""torchvision's networks cut into stages, family by family, the last linear layer left out.

A stage is a real piece of the trunk (`layer1`, `features_3`), so that a phase of training can freeze a leading part and
keep its activations. Every partition is checked against the library's own forward pass when a network is built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from heldout.backbones.network import Flat, Part
from heldout.backbones.source import Stages

Model = Any
"""A library's network: what its children are called is known for its class, not to the type checker."""


class Squeeze(nn.Module):
    """(n, d, 1, 1) or (n, d, …) -> (n, everything else in one row), as `torch.flatten(x, 1)`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Flatten all but the first dimension."""
        return x.flatten(1)


def _each(prefix: str, layers: Model) -> Stages:
    return [(f"{prefix}_{name}", layer) for name, layer in layers.named_children()]


def _without_last(classifier: Model) -> list[nn.Module]:
    return list(classifier.children())[:-1]


def _resnet(m: Model) -> Stages:
    stem = nn.Sequential(m.conv1, m.bn1, m.relu, m.maxpool)
    layers = [(name, getattr(m, name)) for name in ("layer1", "layer2", "layer3", "layer4")]
    return [("stem", stem), *layers, ("pool", nn.Sequential(m.avgpool, Squeeze()))]


def _features_and_classifier(m: Model) -> Stages:
    """AlexNet, VGG, MobileNet v2 and v3, EfficientNet: `features`, average, flatten, all but the last linear layer."""
    average = m.avgpool if hasattr(m, "avgpool") else nn.AdaptiveAvgPool2d(1)
    return [*_each("features", m.features), ("pool", nn.Sequential(average, Squeeze(), *_without_last(m.classifier)))]


def _convnext(m: Model) -> Stages:
    return [*_each("features", m.features), ("pool", nn.Sequential(m.avgpool, *_without_last(m.classifier)))]


def _densenet(m: Model) -> Stages:
    return [*_each("features", m.features), ("pool", nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), Squeeze()))]


def _regnet(m: Model) -> Stages:
    pool = nn.Sequential(m.avgpool, Squeeze())
    return [("stem", m.stem), *((name, block) for name, block in m.trunk_output.named_children()), ("pool", pool)]


def _squeezenet(m: Model) -> Stages:
    # Its classifier is a 1×1 convolution before the average; a linear layer after the average is the same thing but for
    # the ReLU in between, and is what gives pooled features.
    return [
        *_each("features", m.features),
        ("pool", nn.Sequential(m.classifier[0], nn.AdaptiveAvgPool2d(1), Squeeze())),
    ]


def _shufflenet(m: Model) -> Stages:
    names = ("stage2", "stage3", "stage4", "conv5")
    stem = nn.Sequential(m.conv1, m.maxpool)
    return [("stem", stem), *((name, getattr(m, name)) for name in names), ("pool", Flat())]


def _mnasnet(m: Model) -> Stages:
    return [*_each("layers", m.layers), ("pool", nn.Sequential(Flat(), *_without_last(m.classifier)))]


def _swin(m: Model) -> Stages:
    return [*_each("features", m.features), ("pool", nn.Sequential(m.norm, m.permute, m.avgpool, m.flatten))]


def _maxvit(m: Model) -> Stages:
    return [("stem", m.stem), *_each("blocks", m.blocks), ("pool", nn.Sequential(*_without_last(m.classifier)))]


def _googlenet(m: Model) -> Stages:
    names = [name for name, child in m.named_children() if name.startswith(("conv", "maxpool", "inception"))]
    stages: Stages = [("transform", Part(m, "_transform_input", keep=()))]
    stages += [(name, getattr(m, name)) for name in names]
    return [*stages, ("pool", nn.Sequential(m.avgpool, Squeeze(), m.dropout))]


def _inception(m: Model) -> Stages:
    names = [name for name, child in m.named_children() if name.startswith(("Conv2d", "maxpool", "Mixed"))]
    stages: Stages = [("transform", Part(m, "_transform_input", keep=()))]
    stages += [(name, getattr(m, name)) for name in names]
    return [*stages, ("pool", nn.Sequential(m.avgpool, m.dropout, Squeeze()))]


FAMILIES: dict[str, Callable[[Model], Stages]] = {
    "AlexNet": _features_and_classifier,
    "VGG": _features_and_classifier,
    "MobileNetV2": _features_and_classifier,
    "MobileNetV3": _features_and_classifier,
    "EfficientNet": _features_and_classifier,
    "ConvNeXt": _convnext,
    "DenseNet": _densenet,
    "GoogLeNet": _googlenet,
    "Inception3": _inception,
    "MNASNet": _mnasnet,
    "MaxVit": _maxvit,
    "RegNet": _regnet,
    "ResNet": _resnet,
    "ShuffleNetV2": _shufflenet,
    "SqueezeNet": _squeezenet,
    "SwinTransformer": _swin,
}

CLASSIFIERS = ("fc", "classifier", "head", "heads")


def without_classifier(m: Model) -> Any:
    """The model with its last linear layer replaced by the identity: its own forward pass then gives features.

    The layer is called `fc`, `head`, or is the last of the container `classifier` or `heads`. SqueezeNet has a
    convolution in its place, followed by a ReLU that changes nothing, since its features are not negative.
    """
    if type(m).__name__ == "SqueezeNet":
        m.classifier[1] = nn.Identity()
        return m
    name = next(name for name in CLASSIFIERS if isinstance(getattr(m, name, None), nn.Module))
    layer = getattr(m, name)
    if isinstance(layer, nn.Linear):
        setattr(m, name, nn.Identity())
    else:
        last = list(layer._modules)[-1]
        layer._modules[last] = nn.Identity()
    return m


def stages_of(trunk: Model) -> Stages:
    """The stages of a model whose classifier was taken off by `without_classifier`."""
    family = FAMILIES.get(type(trunk).__name__)
    return family(trunk) if family else [("trunk", trunk)]
