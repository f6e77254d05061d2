"""Arithmetic on whole networks: means and straight lines of weights, with BatchNorm statistics that fit them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.modules.batchnorm import _BatchNorm

from heldout.backbones import Network
from heldout.training.device import Machine
from heldout.training.predict import EVAL_BATCH, Inputs, input_of
from heldout.training.state import State

SAMPLE = 2048
"""Images that BatchNorm statistics are measured on: with 16 places an image the mean of a channel is known to 0.6 % of
its standard deviation."""


def between(a: State, b: State, alpha: float) -> State:
    """(1 − α) · a + α · b; whole numbers are those of the nearer."""
    return {
        name: torch.lerp(a[name], value, alpha) if value.is_floating_point() else (a[name] if alpha < 0.5 else value)
        for name, value in b.items()
    }


def mean_of(states: Sequence[State]) -> State:
    """The mean of several; whole numbers are the last one's."""
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value.clone()
        for name, value in states[-1].items()
    }


def put(network: Network, state: State) -> None:
    """Give the network these parameters and buffers; the others stay."""
    network.load_state_dict(state, strict=False)


@torch.no_grad()
def measure_batchnorm(
    network: Network,
    inputs: Inputs,
    length: int,
    moving: Collection[str],
    machine: Machine,
    seed: int,
    share: float = 1.0,
) -> None:
    """Measure anew the statistics of BatchNorm layers that may move, on training images under the present weights.

    Averaged weights with averaged statistics would not fit (Izmailov et al. 2018; Jordan et al., REPAIR, ICLR 2023).

    Args:
        network: Its running means and variances are replaced, all else stays.
        inputs: Of the training images, after the first `length` stages.
        length: See above.
        moving: Names of the buffers that may move.
        machine: Device and precision.
        seed: Decides which images share a batch.
        share: The new statistics weigh this much, those that the layers have now the rest.
    """
    layers = [
        module
        for path, module in network.named_modules()
        if isinstance(module, _BatchNorm) and module.track_running_stats and f"{path}.running_mean" in moving
    ]
    if not layers:
        return
    modes = {module: module.training for module in network.modules()}
    before = [(layer.momentum, {name: value.clone() for name, value in layer.named_buffers()}) for layer in layers]
    network.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over batches
        layer.train()
    for rows in _batches(len(inputs), seed):
        with machine.autocast():
            network.run_stages(input_of(inputs[rows], length, machine.device), length, len(network.stages))
    for layer, (momentum, old) in zip(layers, before, strict=True):
        layer.momentum = momentum
        for name, value in layer.named_buffers():
            value.copy_(torch.lerp(old[name], value, share) if value.is_floating_point() else old[name])
    for module, mode in modes.items():
        module.training = mode


def _batches(count: int, seed: int) -> list[NDArray[np.int64]]:
    order = np.random.default_rng([seed, 23]).permutation(count)[:SAMPLE]
    return np.array_split(order, math.ceil(len(order) / EVAL_BATCH))
