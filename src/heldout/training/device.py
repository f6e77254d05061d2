"""Where the arithmetic happens: device and precision, through accelerate."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from numpy.typing import NDArray
from torch import nn

from heldout.computing import Device, Engine
from heldout.errors import UsageError
from heldout.records.recipe import Precision
from heldout.training.engine import chosen

N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True)
class Machine:
    """A device with a precision.

    Attributes:
        accelerator: accelerate's object: autocast, gradient scaling, device.
        name: For the record: `cpu (AMD EPYC, 2 threads)`, `cuda (NVIDIA A100)`.
        engine: What computes features that stay fixed: `torch`, `folded` or `openvino VERSION` (engine.py).
    """

    accelerator: Accelerator
    name: str
    engine: str = "torch"

    @property
    def device(self) -> torch.device:
        """The torch device."""
        device: torch.device = self.accelerator.device
        return device

    def autocast(self) -> Any:
        """The context in which forward passes run."""
        return self.accelerator.autocast()

    def hold(self, network: N) -> N:
        """A network, moved to the device in place: the one way there, in the layout in which convolutions are fast."""
        network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network

    def tensor(self, values: NDArray[Any]) -> torch.Tensor:
        """An array as a tensor on the device: on a CPU a view, and a copy only of what may not be written to."""
        return on_device(values, self.device)


def on_device(values: NDArray[Any], device: torch.device) -> torch.Tensor:
    """An array as a tensor on a device: on a CPU a view, and a copy only of what may not be written to."""
    return torch.from_numpy(np.require(values, requirements=["C", "W"])).to(device, non_blocking=True)


def machine(device: Device = "auto", precision: Precision = "no", engine: Engine = "auto") -> Machine:
    """The machine to compute on.

    Args:
        device: `auto` takes a GPU if there is one.
        precision: `no` (float32 throughout), `bf16` or `fp16` for mixed precision.
        engine: What computes features that stay fixed; `auto` takes the fastest that is installed.

    Raises:
        UsageError: The device is not there, or cannot do the precision.
        HeldoutError: The engine is not installed.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("Found --device cuda; expected a CUDA device, and PyTorch sees none here. Use --device cpu.")
    cpu = device == "cpu" or not torch.cuda.is_available()
    if precision == "fp16" and cpu:
        raise UsageError("Found --precision fp16 on a CPU; expected no or bf16 there (fp16 needs a GPU).")
    keep_freed_memory()
    # accelerate keeps one process-wide state and refuses a second precision; each run names its own.
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=cpu, mixed_precision=precision)
    return Machine(accelerator, _describe(accelerator.device), chosen(engine, accelerator.device, precision))


KEPT = 2**30
"""Bytes up to which a freed block stays with the process: above the largest activations of a batch."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""


def keep_freed_memory() -> bool:
    """Let the process keep the memory of freed tensors instead of giving it back to the system after every layer.

    glibc maps each large block anew and unmaps it when it is freed, and the system clears every page of it again: in
    feature passes of EfficientNet-Lite0 at 128 pixels half of the processor time went there. Measured alone on two
    cores, three times alternating: 4.2, 4.2 and 5.1 ms an image without, 2.5, 3.0 and 3.0 ms with this; training 9.9,
    9.6 and 10.1 against 8.9, 9.6 and 10.2 ms, no difference. Results do not change, nor does the largest amount held.

    Returns:
        Whether it could be set; only glibc on Linux has it.
    """
    if sys.platform != "linux":
        return False
    try:
        library = ctypes.CDLL("libc.so.6")
        return bool(library.mallopt(M_MMAP_THRESHOLD, KEPT) and library.mallopt(M_TRIM_THRESHOLD, KEPT))
    except (OSError, AttributeError):  # another C library
        return False


def release_memory() -> bool:
    """Give the system what `keep_freed_memory` kept: for the end of a piece of work after which other work is done.

    Returns:
        Whether there was anything to give back; only glibc on Linux can tell.
    """
    if sys.platform != "linux":
        return False
    try:
        return bool(ctypes.CDLL("libc.so.6").malloc_trim(0))
    except (OSError, AttributeError):  # another C library
        return False


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Compute with so many CPU threads within the block; None leaves their number alone.

    A linear head on a batch of cached features is a few microseconds of arithmetic: there, threads only wait for each
    other, and on a machine that others use as well they wait long (measured: 0.02 s an epoch alone, 2.8 s with two
    threads beside other work, 0.03 s with one).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _describe(device: torch.device) -> str:
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"
