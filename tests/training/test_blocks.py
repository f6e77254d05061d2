"""The last and the first block of real architectures, and what norm and bias mean there."""

from __future__ import annotations

import pytest
from torch import nn

from heldout import backbones
from heldout.backbones import Network
from heldout.strategies import Phase
from heldout.training.blocks import blocks_of
from heldout.training.phases import frozen_stages, trainable_names

SIZES = {"timm:vit_tiny": 224, "torchvision:vgg11": 32, "torchvision:convnext_tiny": 32}


def network_of(name: str) -> Network:
    return backbones.build(backbones.find(name)[0], 2, SIZES.get(name, 64), 0, pretrained=False)


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("torchvision:resnet18", 4, ("input", "stem", "layer1"), ("layer4", "pool")),
        (
            "timm:efficientnet_lite0",
            7,
            ("input", "conv_stem", "bn1", "blocks_0"),
            ("blocks_6", "conv_head", "bn2", "pool"),
        ),
        ("torchvision:mobilenet_v3_small", None, None, None),
        ("torchvision:vgg11", None, None, None),
        ("torchvision:convnext_tiny", 4, None, ("features_7", "pool")),
        ("timm:vit_tiny", 12, ("input", "embed", "blocks_0"), ("blocks_11", "norm", "pool")),
    ],
)
def test_blocks_of_real_networks(
    name: str, count: int | None, first: tuple[str, ...] | None, last: tuple[str, ...] | None
) -> None:
    network = network_of(name)
    blocks = blocks_of(network)
    assert tuple(stage for block in blocks for stage in block) == network.stage_names
    assert len(blocks) >= 4 and count in (None, len(blocks))
    assert first in (None, blocks[0]) and last in (None, blocks[-1])
    total = sum(parameter.numel() for parameter in network.stages.parameters())
    for kind in ("first", "last"):
        names = trainable_names(network, Phase("x", kind, 1))  # type: ignore[arg-type]
        share = sum(network.get_parameter(n).numel() for n in names if n.startswith("stages.")) / total
        assert 0 < share < 1
    assert frozen_stages(network, Phase("x", "last", 1)) == len(network.stages) - len(blocks[-1])


@pytest.mark.parametrize("name", ["torchvision:resnet18", "timm:vit_tiny"])
def test_norm_and_bias_of_real_networks(name: str) -> None:
    network = network_of(name)
    norms = [module for module in network.stages.modules() if isinstance(module, nn.BatchNorm2d | nn.LayerNorm)]
    found = trainable_names(network, Phase("x", "norm", 1)) - {"head.weight", "head.bias"}
    assert len(found) == 2 * len(norms) > 0
    biases = trainable_names(network, Phase("x", "bias", 1)) - {"head.weight"}
    assert all(network.get_parameter(name).ndim == 1 and name.endswith("bias") for name in biases)
    assert len(biases) - 1 == sum(getattr(m, "bias", None) is not None for m in network.stages.modules())
