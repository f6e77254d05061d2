"""A network that was trained on three channels takes others: the weights of its first layer repeated and rescaled."""

from __future__ import annotations

import torch
from torch import nn

from heldout.backbones.network import Input, Network
from heldout.errors import UsageError

TOLERANCE = 1e-4
"""As `assemble.TOLERANCE`: by how much features may differ from those before, relative to the largest."""


def adapt_channels(network: Network, channels: int, image_size: int) -> None:
    """Make a network take images of so many channels, as timm does (`timm.models.adapt_input_conv`).

    Channel i has the weights, mean and standard deviation of colour i modulo 3, and all weights are multiplied by
    3/channels, so that the first layer answers on the scale it is used to. Before anything is learned, the network sees
    3/channels times the sum of the channels 0, 3, 6 … as red, of 1, 4, 7 … as green, of 2, 5, 8 … as blue.

    Args:
        network: On the CPU; changed in place.
        channels: How many.
        image_size: Side of its input in pixels.

    Raises:
        UsageError: Its first layer is no convolution of three channels, or is not the only one that sees them.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(1, channels, image_size, image_size, generator=generator)
    modes = {module: module.training for module in network.modules()}
    network.eval()
    entry = network.stages["input"]
    assert isinstance(entry, Input)
    of = torch.arange(channels) % 3
    mean, std = entry.mean.flatten()[of], entry.std.flatten()[of]
    wide = Input(mean.tolist(), std.tolist())
    with torch.no_grad():
        folded = wide(images)  # (1, k, s, s), normalised
        colours = torch.stack([folded[:, of == c].sum(1) for c in range(3)], dim=1) * (3 / channels)
        before = network.run_stages(colours, 1, len(network.stages))
        place = _first_convolution(network)
        _widen(place, of, channels)
        network.stages["input"] = wide
        after = network.features(images)
    for module, mode in modes.items():
        module.training = mode
    wide.training = entry.training
    if not (after - before).abs().max() <= TOLERANCE * before.abs().max():
        raise _refusal(channels)


def _first_convolution(network: Network) -> nn.Conv2d:
    """The first convolution of three channels after the input."""
    for name, stage in network.stages.items():
        if name == "input":
            continue
        for module in stage.modules():
            if isinstance(module, nn.Conv2d) and module.in_channels == 3 and module.groups == 1:
                return module
    raise _refusal(0)


def _widen(layer: nn.Conv2d, of: torch.Tensor, channels: int) -> None:
    weight = layer.weight.detach()
    layer.weight = nn.Parameter((weight[:, of] * (3 / channels)).contiguous())
    layer.in_channels = channels


def _refusal(channels: int) -> UsageError:
    shown = f"{channels} channels" if channels else "other channels"
    return UsageError(
        f"Found --channels adapt with {shown} and a network whose first layer cannot be adapted; expected one that "
        f"begins with a convolution of three channels. Take --channels project or select:…, or another model."
    )
