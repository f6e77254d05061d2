"""Which precision suits a network on a device: `--precision auto`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from heldout.records.recipe import Precision


def suited(network: nn.Module, device: torch.device) -> Precision:
    """`bf16` where it is computed in hardware and the network gains by it, else `no`.

    On a CPU with bfloat16 arithmetic (AVX-512 BF16, AMX) one step of training at 128 pixels, 32 images, two threads,
    took ResNet34 365 ms instead of 558, and EfficientNet-Lite0 304 instead of 251 (benchmarks/speed_precision.py):
    depthwise convolutions have no fast bfloat16 path there. So a network with grouped convolutions stays in float32 on
    a CPU. On a GPU, where the usual advice is followed and nothing was measured, only the hardware decides.

    Args:
        network: Any; not changed.
        device: Where it will be trained.
    """
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    grouped = any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in network.modules())
    return "bf16" if multiplies_bfloat16() and not grouped else "no"


def multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions that multiply bfloat16 numbers; False where PyTorch cannot tell."""
    ask: Callable[[], dict[str, object]] = getattr(torch.cpu, "get_capabilities", dict)  # older PyTorch lacks it
    found = ask()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
