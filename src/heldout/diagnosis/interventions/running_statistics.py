"""BatchNorm statistics looked at, estimated anew, and put back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from heldout.backbones import Network
from heldout.diagnosis.interventions.context import Indices, Pixels
from heldout.training import Machine
from heldout.training.predict import to_tensor

Statistics = dict[str, tuple[torch.Tensor, torch.Tensor]]
"""Name of a layer -> running mean and variance."""


def norms(network: Network) -> dict[str, _BatchNorm]:
    """Layers with running statistics, by name."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    }


def statistics_of(network: Network) -> Statistics:
    """Copies of all running statistics."""
    return {name: (_mean(norm).clone(), _variance(norm).clone()) for name, norm in norms(network).items()}


def put(network: Network, statistics: Statistics) -> None:
    """Write running statistics, in place."""
    for name, norm in norms(network).items():
        _mean(norm).copy_(statistics[name][0])
        _variance(norm).copy_(statistics[name][1])


def _mean(norm: _BatchNorm) -> torch.Tensor:
    assert norm.running_mean is not None
    return norm.running_mean


def _variance(norm: _BatchNorm) -> torch.Tensor:
    assert norm.running_var is not None
    return norm.running_var


@contextmanager
def put_back(network: Network) -> Iterator[None]:
    """Within the block, statistics and modes may be changed; afterwards they are what they were."""
    modes = {module: module.training for module in network.modules()}
    counts = {norm: norm.num_batches_tracked for norm in norms(network).values()}
    counted = {norm: None if count is None else count.clone() for norm, count in counts.items()}
    before = statistics_of(network)
    try:
        yield
    finally:
        put(network, before)
        for norm, count in counted.items():
            if count is not None and norm.num_batches_tracked is not None:
                norm.num_batches_tracked.copy_(count)
        for module, mode in modes.items():
            module.training = mode


@torch.no_grad()
def estimated(
    network: Network, pixels: Pixels, batches: Sequence[Indices], alpha: float, machine: Machine
) -> Statistics:
    """Statistics of images blended with the network's own: (1 − α)·own + α·images, averaged over batches.

    Every layer sees activations that the layers before it normalised with blended statistics, as they will be used
    (Schneider et al., Improving robustness against common corruptions by covariate shift adaptation, NeurIPS 2020).
    The network is left as it was.

    Args:
        network: In eval mode.
        pixels: (n, s, s, c) images.
        batches: Rows of each batch.
        alpha: Weight of the images, 0 … 1.
        machine: Device and precision.
    """
    own = statistics_of(network)
    sums = {name: (torch.zeros_like(mean), torch.zeros_like(variance)) for name, (mean, variance) in own.items()}
    names = {norm: name for name, norm in norms(network).items()}

    def blend(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        assert isinstance(module, _BatchNorm)
        name = names[module]
        mean, variance = torch.zeros_like(own[name][0]), torch.zeros_like(own[name][1])
        # With a momentum of 1 it leaves the batch's mean and unbiased variance in its buffers, as `batch_norm` in train
        # mode does, without normalising; that takes a sixth of the time of `torch.var_mean` on channels-last maps.
        torch.batch_norm_update_stats(inputs[0].float(), mean, variance, 1.0)
        _mean(module).copy_((1 - alpha) * own[name][0] + alpha * mean)
        _variance(module).copy_((1 - alpha) * own[name][1] + alpha * variance)
        sums[name][0].add_(_mean(module))
        sums[name][1].add_(_variance(module))

    with put_back(network):
        network.eval()
        hooks = [norm.register_forward_pre_hook(blend) for norm in names]
        try:
            for rows in batches:
                batch = to_tensor(np.asarray(pixels[rows]), machine.device)
                with machine.autocast():
                    network(batch)
        finally:
            for hook in hooks:
                hook.remove()
    return {name: (mean / len(batches), variance / len(batches)) for name, (mean, variance) in sums.items()}
