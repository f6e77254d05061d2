"""Parameters and multiply-adds of an architecture, counted on the meta device: no memory, no arithmetic."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

SECONDS = 120
"""A forward pass on the meta device that takes longer is given up; its multiply-adds stay unknown."""


@dataclass(frozen=True)
class Measured:
    """What was counted: parameters (None where the library cannot build it) and multiply-adds in 10^9 (or None)."""

    params: int | None
    gflops: float | None


class _TooLongError(Exception):
    pass


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    """Raise `_TooLongError` after some seconds, where signals can be had (main thread, not on Windows)."""
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(number: int, frame: object) -> None:
        raise _TooLongError

    old = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


def weightless(make: Callable[[], nn.Module]) -> nn.Module:
    """A model on the meta device: names and shapes, no values.

    Some constructors (torchvision's RegNet) compute with tensors and cannot run there; they run on the CPU first.
    """
    try:
        with torch.device("meta"):
            return make()
    except (NotImplementedError, RuntimeError):
        return make().to("meta")


def measure(make: Callable[[], nn.Module], height: int, width: int, seconds: int = SECONDS) -> Measured:
    """Count the parameters and the multiply-adds of one image's forward pass.

    Multiply-adds are half of the floating-point operations that `FlopCounterMode` counts for convolutions, linear
    layers, matrix products and attention; element-wise work (activations, normalisation) is left out, as is usual.

    Args:
        make: Builds the architecture with its original classifier; called under the meta device.
        height: Of the input in pixels.
        width: Likewise.
        seconds: Time limit of the forward pass.
    """
    try:
        with _limit(seconds), torch.device("meta"):
            # Without gradients: the counter's module hooks stumble over parameters that are used as inputs.
            model = make().eval().requires_grad_(False)
    except Exception:  # whatever a library's constructor trips over on the meta device, the figure is just unknown
        return Measured(None, None)
    params = sum(parameter.numel() for parameter in model.parameters())
    try:
        with _limit(seconds), torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 3, height, width, device="meta"))
    except Exception:  # likewise: control flow that needs values cannot run on the meta device
        return Measured(params, None)
    return Measured(params, counter.get_total_flops() / 2 / 1e9)
