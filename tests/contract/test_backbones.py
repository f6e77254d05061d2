"""What every backbone must do, over architectures of both libraries and the offline ones, with random weights."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch

from heldout.backbones import Network, build, resolve, weights_hash
from heldout.backbones.assemble import Whole
from heldout.backbones.lookup import entry_of, source_of

SIZE = 64

TORCHVISION = [
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "googlenet",
    "inception_v3@96",
    "maxvit_t@224",
    "mnasnet0_5",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "regnet_x_400mf",
    "regnet_y_400mf",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnext50_32x4d",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
    "swin_v2_t",
    "vgg11_bn",
    "vgg16.IMAGENET1K_FEATURES",
    "vit_b_32",
]
TIMM = [
    "convmixer_768_32",
    "cs3darknet_focus_s",
    "deit_tiny_distilled_patch16_224",
    "densenet121",
    "dla46x_c",
    "edgenext_xx_small",
    "efficientformerv2_s0@224",
    "efficientnet_b0",
    "efficientvit_b0",
    "efficientvit_m0@224",
    "fastvit_t8",
    "fasternet_t0",
    "ghostnet_100",
    "hgnetv2_b0",
    "lcnet_050",
    "levit_128s@224",
    "mambaout_femto",
    "mobilenetv3_small_050",
    "mobilenetv4_conv_small",
    "poolformer_s12",
    "pvt_v2_b0",
    "regnetx_002",
    "repvit_m0_9",
    "resmlp_12_224@224",
    "resnet10t",
    "resnetv2_18",
    "rexnet_100",
    "starnet_s1",
    "test_byobnet",
    "test_convnext",
    "test_nfnet",
    "tf_efficientnet_lite0",
    "tinynet_e",
    "vit_tiny_patch16_224",
    "xcit_nano_12_p16_224",
]
ALL = [
    "offline:efficientnet_lite0",
    *(f"torchvision:{name}" for name in TORCHVISION),
    *(f"timm:{name}" for name in TIMM),
]
DEAR = {
    "torchvision:maxvit_t@224",
    "torchvision:vgg11_bn",
    "torchvision:vit_b_32",
    "torchvision:vgg16.IMAGENET1K_FEATURES",
    "torchvision:alexnet",
    "torchvision:swin_t",
    "torchvision:swin_v2_t",
    "torchvision:convnext_tiny",
    "torchvision:resnext50_32x4d",
    "torchvision:resnet50",
    "timm:convmixer_768_32",
    "timm:resmlp_12_224@224",
    "torchvision:efficientnet_v2_s",
}
"""Those that take seconds each; the others are more than 40."""
ONE_STAGE = {
    "torchvision:vit_b_32",
    "timm:fastvit_t8",
    "timm:levit_128s@224",
    "timm:xcit_nano_12_p16_224",
}
"""Families that are not a plain sequence: they run as one stage. All others must have real stages."""


def parts(case: str) -> tuple[str, int]:
    name, _, size = case.partition("@")
    return name, int(size or SIZE)


@lru_cache(maxsize=1)
def network(case: str) -> Network:
    name, size = parts(case)
    return build(resolve(name), classes=5, image_size=size, seed=3, pretrained=False)


def images(case: str, channels: int = 3, count: int = 2) -> torch.Tensor:
    size = parts(case)[1]
    return torch.randint(0, 256, (count, channels, size, size), generator=torch.Generator().manual_seed(1)).to(
        torch.uint8
    )


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Equal but for the rounding of float32 sums, relative to the largest value."""
    return a.shape == b.shape and bool((a - b).abs().max() <= 2e-4 * b.abs().max())


def test_enough_architectures_of_both_libraries() -> None:
    everyday = [resolve(parts(case)[0]) for case in ALL if case not in DEAR]
    assert len({(info.source, info.architecture) for info in everyday}) >= 40
    assert {info.source for info in everyday} == {"offline", "torchvision", "timm"}


@pytest.mark.parametrize("case", [pytest.param(case, marks=pytest.mark.slow if case in DEAR else ()) for case in ALL])
def test_a_backbone_keeps_the_contract(case: str) -> None:
    net = network(case).eval()
    batch = images(case)
    with torch.no_grad():
        features, logits = net.features(batch), net(batch)
        check_shapes(net, batch, features, logits)
        check_input(net, case, batch, logits)
        check_stages(net, case, batch, features)
    check_gradients(net, batch)
    check_hash(net)


def check_shapes(net: Network, batch: torch.Tensor, features: torch.Tensor, logits: torch.Tensor) -> None:
    assert features.shape == (2, net.feature_size)
    assert features.dtype == torch.float32 and torch.isfinite(features).all()
    assert logits.shape == (2, 5)
    assert torch.equal(net(batch), logits), "eval mode is not deterministic"
    assert isinstance(net.head, torch.nn.Linear) and net.head.in_features == net.feature_size


def check_input(net: Network, case: str, batch: torch.Tensor, logits: torch.Tensor) -> None:
    assert close(net(batch.float() / 255), logits), "uint8 and float disagree"
    grey = images(case, channels=1)
    assert close(net(grey), net(grey.expand(-1, 3, -1, -1))), "a grey image is not three equal channels"
    assert close(net(batch.contiguous(memory_format=torch.channels_last)), logits)


def check_stages(net: Network, case: str, batch: torch.Tensor, expected: torch.Tensor) -> None:
    """Stages in a row give the features, from any boundary, leaving what they were given as it was."""
    assert next(iter(net.stages)) == "input"
    assert (len(net.stages) == 2) == (case in ONE_STAGE)
    assert not any(isinstance(stage, Whole) for stage in net.stages.values()), "the partition was given up"
    x: torch.Tensor = batch
    middle = len(net.stages) // 2
    for index in range(len(net.stages)):
        before = x.clone()
        y = net.run_stages(x, index, index + 1)
        assert torch.equal(x, before), f"stage {index} changes its input"
        x = y
        if index + 1 == middle:
            assert torch.equal(x, net.run_stages(batch, 0, middle)), "several stages are not each after the other"
            half = x
    assert torch.equal(x, expected)
    assert torch.equal(net.run_stages(half, middle, len(net.stages)), expected)
    # The library's own forward pass of the same modules, rebuilt from the same seed.
    name, size = parts(case)
    source, entry = source_of(resolve(name)), entry_of(resolve(name))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        own = source.trunk(entry, size, None).eval()
    assert close(source.features(entry, own, net.stages["input"](batch)), expected), (
        "stages are not the library's forward"
    )


def check_gradients(net: Network, batch: torch.Tensor) -> None:
    net.zero_grad()
    net(batch).square().sum().backward()
    assert net.head.weight.grad is not None and net.head.weight.grad.abs().sum() > 0
    trunk = [parameter for parameter in net.stages.parameters() if parameter.grad is not None]
    assert len(trunk) >= 0.9 * len(list(net.stages.parameters())), "most of the trunk is cut off from the loss"
    assert sum(float(parameter.grad.abs().sum()) for parameter in trunk if parameter.grad is not None) > 0
    net.zero_grad()


def check_hash(net: Network) -> None:
    before = weights_hash(net)
    assert len(before) == 16 and before == weights_hash(net)
    with torch.no_grad():
        net.head.weight.add_(1.0)
        assert weights_hash(net) == before, "the head is not part of the pretrained weights"
        parameter = list(net.stages.parameters())[-1]
        parameter.view(-1)[0] += 0.5
        assert weights_hash(net) != before
        parameter.view(-1)[0] -= 0.5
    tensors = net.state_dict()
    places = [tensor.data_ptr() for tensor in tensors.values() if tensor.numel()]
    assert len(set(places)) == len(places), "two names for one tensor: safetensors could not save it"


@pytest.mark.parametrize("case", ["torchvision:resnet18", "timm:mobilenetv3_small_050", "timm:vit_tiny_patch16_224"])
@pytest.mark.parametrize("classes", [2, 5])
def test_any_number_of_classes(case: str, classes: int) -> None:
    state = torch.random.get_rng_state()
    net = build(resolve(case), classes=classes, image_size=SIZE, seed=7, pretrained=False)
    assert torch.equal(torch.random.get_rng_state(), state), "the global random state was touched"
    assert net.eval()(images(case)).shape == (2, classes)
    again = build(resolve(case), classes=classes, image_size=SIZE, seed=7, pretrained=False)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True))
    other = build(resolve(case), classes=classes, image_size=SIZE, seed=8, pretrained=False)
    assert not torch.equal(net.head.weight, other.head.weight)
