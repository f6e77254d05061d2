"""Steps: parameters in groups, their learning rates, and the pull back to where they came from."""

from __future__ import annotations

import math
from typing import Any

import torch

from heldout.backbones import Network
from heldout.strategies import Phase
from heldout.training.blocks import depth_of
from heldout.training.phases import set_requires_grad, stage_of, trainable_names
from heldout.training.state import State


def optimizer_of(
    network: Network, phase: Phase, state: dict[int, dict[str, torch.Tensor]] | None = None
) -> torch.optim.AdamW:
    """AdamW; biases and normalisation parameters (one dimension) do not decay, nor does what is anchored.

    Every group has a `scale`: its learning rate is that of the step times this.

    Args:
        network: Its parameters that the phase trains are made to require gradients, the others not.
        phase: The plan.
        state: The state of one that was cut off, to go on from.
    """
    depths = depth_of(network) if phase.layer_decay < 1 else {}
    set_requires_grad(network, trainable_names(network, phase))
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for weights in (True, False):
        for name, parameter in network.named_parameters():
            if not parameter.requires_grad or (parameter.ndim >= 2) != weights:
                continue
            stage = stage_of(name)
            scale = 1.0 if stage is None or not depths else phase.layer_decay ** depths[stage]
            decays = weights and not (stage is not None and phase.anchor > 0)
            groups.setdefault((scale, phase.weight_decay if decays else 0.0), []).append(parameter)
    listed: list[dict[str, Any]] = [
        {"params": parameters, "weight_decay": decay, "scale": scale} for (scale, decay), parameters in groups.items()
    ]
    optimizer = torch.optim.AdamW(listed, lr=phase.lr, fused=True)
    if state is not None:
        _put_state(optimizer, state)
    return optimizer


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give every group the learning rate of a step, times its scale."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["scale"]


def rate(phase: Phase, step: int, steps: int) -> float:
    """Learning rate of a step: a straight rise in the warm-up, then constant, or half a cosine from `lr` to zero."""
    warm = math.ceil(phase.warmup * steps)
    if step < warm:
        return phase.lr * (step + 1) / warm
    if phase.schedule == "constant":
        return phase.lr
    return phase.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


class Pull:
    """L2-SP (Li et al. 2018), decoupled: after a step every parameter of the trunk moves a part of the way back.

    Like AdamW's weight decay with another target: w ← w + lr · anchor · (w₀ − w), lr being the group's own.

    Args:
        network: Its trunk is pulled.
        phase: Says how strongly.
        start: w₀ by name.
    """

    def __init__(self, network: Network, phase: Phase, start: State) -> None:
        self.strength = phase.anchor
        self.targets = {
            parameter: start[name].to(parameter.device)
            for name, parameter in network.named_parameters()
            if parameter.requires_grad and stage_of(name) is not None
        }

    @torch.no_grad()
    def __call__(self, optimizer: torch.optim.Optimizer) -> None:
        """After the optimiser's step."""
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter in self.targets:
                    parameter.lerp_(self.targets[parameter], min(1.0, group["lr"] * self.strength))


def _put_state(optimizer: torch.optim.Optimizer, state: dict[int, dict[str, torch.Tensor]]) -> None:
    """Put an optimiser's saved state back, in the memory layout of its parameters.

    The fused kernels walk parameter and moments side by side in memory: a channels-last weight with contiguous
    moments would silently be given the moments of other entries.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    laid_out = {
        index: {
            name: torch.empty_like(parameters[index]).copy_(value) if value.shape == parameters[index].shape else value
            for name, value in entry.items()
        }
        for index, entry in state.items()
    }
    optimizer.load_state_dict({**optimizer.state_dict(), "state": laid_out})
