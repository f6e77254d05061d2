"""BatchNorm in eval mode is a multiplication and an addition a channel: the convolution before it can do both."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from heldout.backbones import Network


@torch.no_grad()
def folded(network: Network, length: int, image: torch.Tensor) -> Network | None:
    """A copy in eval mode whose first `length` stages have their BatchNorm layers folded into convolutions.

    Which convolution feeds which BatchNorm is seen in a forward pass of one image, not read off names. Feature pass of
    EfficientNet-Lite0 at 128 pixels, two threads: 1.16 ms an image against 1.36, the features differ by 5e-6 of the
    largest; ResNet34, whose maps are few beside its arithmetic: 4.90 against 5.07 (benchmarks/speed_engines.py).

    Args:
        network: Not changed.
        length: Stages to work on.
        image: (1, c, s, s), what the first stage takes.

    Returns:
        The copy, or None where nothing can be folded.
    """
    result = copy.deepcopy(network).eval()
    pairs = _pairs(result, length, image)
    for conv, norm in pairs:
        conv.weight, conv.bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
    rest = {norm: _rest(norm) for _, norm in pairs}
    for module in list(result.modules()):
        for name, child in module.named_children():
            if child in rest:
                setattr(module, name, rest[child])
    return result.to(memory_format=torch.channels_last) if pairs else None


def _pairs(network: Network, length: int, image: torch.Tensor) -> list[tuple[nn.Conv2d, Any]]:
    """(convolution, BatchNorm that takes its output) of layers that run once and whose statistics are kept."""
    given: dict[int, tuple[nn.Conv2d, torch.Tensor]] = {}  # by identity; the tensor is held so that it stays unique
    pairs: list[tuple[nn.Conv2d, Any]] = []
    calls: Counter[nn.Module] = Counter()

    def gave(conv: nn.Module, _: Any, output: torch.Tensor) -> None:
        assert isinstance(conv, nn.Conv2d)
        calls[conv] += 1
        given[id(output)] = (conv, output)

    def takes(norm: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        calls[norm] += 1
        if id(inputs[0]) in given:
            pairs.append((given[id(inputs[0])][0], norm))

    handles = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            handles.append(module.register_forward_hook(gave))
        elif isinstance(module, nn.BatchNorm2d) and module.track_running_stats and _rest(module) is not None:
            handles.append(module.register_forward_pre_hook(takes))
    try:
        network.run_stages(image, 0, length)
    finally:
        for handle in handles:
            handle.remove()
    return [(conv, norm) for conv, norm in pairs if calls[conv] == calls[norm] == 1]


def _rest(norm: nn.Module) -> nn.Module | None:
    """What is left of a folded layer: nothing, or the activation that timm's kind applies; None for kinds unknown."""
    if type(norm) is nn.BatchNorm2d:
        return nn.Identity()
    if type(norm).__name__ == "BatchNormAct2d":
        parts: Any = norm
        return nn.Sequential(parts.drop, parts.act)
    return None
