"""Low-rank adapters: attached for training, merged into the weights when it has ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from heldout.backbones import Network
from heldout.errors import UsageError
from heldout.optional import require
from heldout.strategies import Phase


def attach(network: Network, phases: Iterable[Phase], seed: int) -> None:
    """Give the layers of the trunk the adapters that a phase with `trainable="lora"` trains; none where no phase does.

    Args:
        network: Changed in place; as it computes, it stays what it was, since the second factor begins at zero.
        phases: The strategy's plan.
        seed: Of the first factor.

    Raises:
        UsageError: The network has no layer that can take one.
        HeldoutError: peft is not installed.
    """
    phase = next((phase for phase in phases if phase.trainable == "lora"), None)
    if phase is None:
        return
    targets = adaptable_layers(network)
    peft: Any = require("peft", "lora")
    config = peft.LoraConfig(r=phase.rank, lora_alpha=phase.rank, target_modules=targets, bias="none")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        peft.inject_adapter_in_model(config, network)
    network.to(memory_format=torch.channels_last)


def adaptable_layers(network: Network) -> list[str]:
    """Names of the layers that get adapters.

    Raises:
        UsageError: The network has none.
    """
    if targets := layers_of(network):
        return targets
    raise UsageError(
        "This network has no layer that takes a low-rank adapter; expected linear layers or convolutions that are "
        "not grouped. Use another strategy, for example norm or last-block."
    )


def layers_of(network: Network) -> list[str]:
    """Names of the trunk's linear layers and ungrouped convolutions; those within torch's fused attention excepted."""
    attention = tuple(
        f"{name}." for name, module in network.named_modules() if isinstance(module, nn.MultiheadAttention)
    )
    return [
        name
        for name, module in network.named_modules()
        if name.startswith("stages.") and not name.startswith(attention)
        if isinstance(module, nn.Linear) or (type(module) is nn.Conv2d and module.groups == 1)
    ]


def merge(network: Network) -> None:
    """Add every adapter's product to its weights and take it off; nothing where there is none."""
    adapted = [(name, module) for name, module in network.named_modules() if hasattr(module, "lora_A")]
    for name, module in adapted:
        layer: Any = module
        layer.merge()
        parent, _, child = name.rpartition(".")
        setattr(network.get_submodule(parent), child, layer.get_base_layer())
