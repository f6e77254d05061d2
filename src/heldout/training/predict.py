"""Forward passes without learning: activations and logits, in eval mode, in the order of the images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812  (the field's name for it)

from heldout.array_files import release_pages
from heldout.backbones import Network
from heldout.progress import Reporter
from heldout.ties import first_of_largest
from heldout.training.device import Machine, on_device
from heldout.training.engine import Prefix
from heldout.training.resident import Resident

Inputs = NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float16]
"""Pixels (n, s, s, c), or activations (n, …) at a boundary of stages."""

EVAL_BATCH = 64
"""Images a batch in forward passes. Measured on 2 cores with EfficientNet-Lite0 at 128 pixels: 32 to 128 are within
5 % of each other (benchmarks/speed_engines.py --batch-sizes)."""

HEAD_BATCH = 16384
"""Features a batch in forward passes of the head alone."""

RELEASED = 1024
"""Images after which the pages of a mapped file that were read are given back."""


def to_tensor(pixels: NDArray[Any], device: torch.device) -> torch.Tensor:
    """(n, h, w, c) array -> (n, c, h, w) tensor, channels last in memory: uint8 a view on a CPU, floats as float32."""
    exact = pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    return on_device(exact, device).permute(0, 3, 1, 2)


@torch.inference_mode()
def run_stages(
    network: Prefix,
    inputs: Inputs | Resident,
    first: int,
    last: int,
    machine: Machine,
    reporter: Reporter | None = None,
    write: Callable[[int, NDArray[np.float32]], None] | None = None,
    rows: range | None = None,
) -> NDArray[np.float32] | None:
    """Stages `first` to `last` (exclusive) over all inputs, or some of them, in eval mode.

    Args:
        network: Put into eval mode and back; or what runs its first stages in its place.
        inputs: Pixels (n, s, s, c), uint8 or floats in 0 … 1, when `first` is 0, else activations of stage `first` − 1.
        first: Index of the first stage to run.
        last: One past the last.
        machine: Device and precision.
        reporter: Told of every batch.
        write: Takes (start, activations) of each batch instead of collecting them; start counts all inputs.
        rows: Which inputs, one after another; all by default.

    Returns:
        Activations (n, …) float32, or None when `write` took them.
    """
    rows = range(len(inputs)) if rows is None else rows
    modes = {module: module.training for module in network.modules()}
    network.eval()
    collected: NDArray[np.float32] | None = None
    try:
        for start in range(rows.start, rows.stop, EVAL_BATCH):
            batch = input_of(inputs[start : min(start + EVAL_BATCH, rows.stop)], first, machine.device)
            with machine.autocast():
                out = network.run_stages(batch, first, last)
            values = out.float().cpu().numpy()
            if write is not None:
                write(start, values)
            else:
                if collected is None:
                    collected = np.empty((len(rows), *values.shape[1:]), dtype=np.float32)
                collected[start - rows.start : start - rows.start + len(values)] = values
            if (start - rows.start) % RELEASED == 0:
                release_pages(inputs)
            if reporter is not None:
                reporter.step()
    finally:
        for module, mode in modes.items():
            module.training = mode
    return collected


def input_of(batch: NDArray[Any] | torch.Tensor, first: int, device: torch.device) -> torch.Tensor:
    """What stage `first` takes: images for 0, else float32 activations, channels last where they are maps.

    Args:
        batch: (b, …) rows of `Inputs`: an array, or a tensor that is on the device already.
        first: See above.
        device: Where it is wanted.
    """
    if isinstance(batch, torch.Tensor):
        exact = batch if first == 0 and batch.dtype == torch.uint8 else batch.float()
        if first == 0:
            return exact.permute(0, 3, 1, 2)
        return exact.contiguous(memory_format=torch.channels_last) if exact.ndim == 4 else exact
    if first == 0:
        return to_tensor(np.asarray(batch), device)
    tensor = on_device(np.array(batch, dtype=np.float32), device)  # a copy: what is cached is not a stage's to change
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


@torch.inference_mode()
def head_logits(network: Network, features: Inputs | Resident, machine: Machine) -> NDArray[np.float32]:
    """Logits (n, k) float32 of features (n, d)."""
    logits = []
    for start in range(0, max(len(features), 1), HEAD_BATCH):
        batch = input_of(features[start : start + HEAD_BATCH], len(network.stages), machine.device)
        logits.append(network.head(batch).float().cpu().numpy())
        release_pages(features)
    return np.concatenate(logits)


def logits_from(network: Network, inputs: Inputs | Resident, length: int, machine: Machine) -> NDArray[np.float32]:
    """Logits (n, k) float32 of what comes after the first `length` stages, in eval mode."""
    stages = len(network.stages)
    features = inputs if length == stages else run_stages(network, inputs, length, stages, machine)
    assert features is not None
    return head_logits(network, features, machine)


def scored(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, NDArray[np.int16]]:
    """Mean cross-entropy in nats, and the classes predicted."""
    loss = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(np.array(labels)))
    return float(loss), first_of_largest(logits).astype(np.int16)


def logits_of(
    network: Network, pixels: NDArray[Any], machine: Machine, reporter: Reporter | None = None
) -> NDArray[np.float32]:
    """Logits (n, k) float32 of images (n, s, s, c), uint8 or floats in 0 … 1, in eval mode."""
    features = run_stages(network, pixels, 0, len(network.stages), machine, reporter)
    assert features is not None
    return head_logits(network, features, machine)
