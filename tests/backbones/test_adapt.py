"""Channels at the door of a network: grey is three equal channels, others go through a stem that is adapted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from heldout.backbones import Network, build, resolve
from heldout.backbones.adapt import adapt_channels
from heldout.backbones.network import Flat, Input
from heldout.errors import UsageError

SIDE = 64


def lite(channels: int = 3) -> Network:
    network = build(resolve("efficientnet_lite0"), 2, SIDE, seed=0, channels=channels)
    return network.eval()


@pytest.fixture(scope="module")
def plain() -> Network:
    return lite()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(3, 4, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
@pytest.mark.parametrize("kind", ["uint8", "float16", "float32"])
def test_grey_as_one_or_three_equal_channels_has_the_same_features(plain: Network, kind: str) -> None:
    grey = torch.rand(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    grey = (grey * 255).to(torch.uint8) if kind == "uint8" else grey.to(getattr(torch, kind))
    three = grey.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(plain.features(grey), plain.features(three), rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("channels", [2, 4])
def test_an_adapted_network_begins_as_what_its_channels_fold_to(
    plain: Network, images: torch.Tensor, channels: int
) -> None:
    """timm's way: channel i has the weights of colour i modulo 3, times 3/k, so that colours are scaled sums."""
    adapted = lite(channels)
    some = images[:, :channels]
    entry = plain.stages["input"]
    assert isinstance(entry, Input)
    mean, std = entry.mean.flatten(), entry.std.flatten()
    folded = torch.zeros(3, 3, SIDE, SIDE)
    for i in range(channels):
        folded[:, i % 3] += (some[:, i] - mean[i % 3]) / std[i % 3] * 3 / channels
    expected = plain.run_stages(folded, 1, len(plain.stages))
    torch.testing.assert_close(adapted.features(some), expected, rtol=1e-3, atol=1e-4)
    assert next(m for m in adapted.modules() if isinstance(m, nn.Conv2d)).weight.shape[1] == channels


@torch.no_grad()
def test_the_weights_are_those_of_timm(plain: Network) -> None:
    from timm.models import adapt_input_conv

    stem = next(m for m in plain.modules() if isinstance(m, nn.Conv2d)).weight
    adapted = next(m for m in lite(5).modules() if isinstance(m, nn.Conv2d)).weight
    torch.testing.assert_close(adapted, adapt_input_conv(5, stem.clone()))


def test_an_adapted_first_layer_can_be_learned(images: torch.Tensor) -> None:
    network = lite(4).train()
    network(images).sum().backward()
    stem = next(m for m in network.modules() if isinstance(m, nn.Conv2d)).weight
    assert (
        stem.grad is not None
        and stem.grad.shape[1] == 4
        and bool((stem.grad != 0).any(dim=3).any(dim=2).any(dim=0).all())
    )


def test_a_network_without_such_a_layer_is_refused() -> None:
    stages = {"input": Input((0.5,) * 3, (0.5,) * 3), "flat": nn.Sequential(nn.Conv2d(3, 3, 1, groups=3), Flat())}
    with pytest.raises(UsageError, match="project or select"):
        adapt_channels(Network(stages, 3, 2, 0), 4, 16)
