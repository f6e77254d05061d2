"""Inputs that lie on a GPU for a whole phase: no step waits for a disk, a gather or a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from heldout.training.device import Machine, on_device

SHARE = 0.5
"""Of the memory that is free on the card when a phase begins: weights, their gradients and the activations of a batch
need the rest. Ours; 20,000 images of 224 pixels in grey take 1 GB."""


@dataclass(frozen=True)
class Resident:
    """An array on the device, read by rows.

    Attributes:
        values: (n, …), of the array's own type: pixels stay uint8.
    """

    values: torch.Tensor

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> torch.Tensor:
        if isinstance(rows, slice):
            return self.values[rows]
        return self.values[on_device(rows, self.values.device)]


def held(inputs: NDArray[Any], machine: Machine) -> NDArray[Any] | Resident:
    """The inputs on the machine's GPU where they fit there; else, and on a CPU, as they are.

    Args:
        inputs: (n, …) pixels or activations, perhaps mapped from disk or read when asked for.
        machine: Where they are wanted.
    """
    size = len(inputs) * int(np.prod(inputs.shape[1:])) * inputs.dtype.itemsize
    if size > SHARE * free_bytes(machine.device):
        return inputs
    return Resident(on_device(np.asarray(inputs), machine.device))


def free_bytes(device: torch.device) -> int:
    """Memory of a GPU that nothing holds; 0 for a CPU, whose memory the inputs are in already."""
    if device.type != "cuda":
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    return int(free)
