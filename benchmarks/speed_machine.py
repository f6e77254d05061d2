"""What share of the machine's arithmetic the feature pass and the training step reach.

    python benchmarks/speed_machine.py                      # a table
    python benchmarks/speed_machine.py --models efficientnet_lite0 --json

* **peak**: the faster of a product of two float32 matrices of 2048 × 2048 and a dense 3 × 3 convolution of 256
  channels on 32 × 32 places: on some processors oneDNN's convolutions outrun the library of matrix products. Shares
  refer to it.
* **convolutions**: every convolution of the network alone, forward, in channels-last layout, on the batch it sees: what
  the same arithmetic reaches without anything between the layers.
* **features**: our feature pass with each engine, input normalisation included.
* **training**: forward, backward and a step of the fused optimiser, at 3 × the operations of the forward pass.

Operations are counted by `torch.utils.flop_counter` (an addition and a multiplication are two). Best of the repeats: a
peak is what the machine can do.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (the field's name for it)
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.speed_engines import network_of
from heldout.backbones import Network
from heldout.training import machine
from heldout.training.engine import chosen, prefix_of
from heldout.training.predict import EVAL_BATCH, run_stages

SIDE, TRAIN_BATCH = 2048, 32


def best(act: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of some calls, after one that warms up."""
    act()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def matmul(repeats: int) -> float:
    """GFLOP/s of a large float32 product."""
    a, b = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    return 2 * SIDE**3 / best(lambda: a @ b, repeats) / 1e9


@torch.inference_mode()
def dense_convolution(repeats: int) -> float:
    """GFLOP/s of a 3 × 3 convolution that has much arithmetic for its memory."""
    conv = nn.Conv2d(256, 256, 3, padding=1, bias=False).to(memory_format=torch.channels_last)
    x = torch.rand(8, 256, 32, 32).contiguous(memory_format=torch.channels_last)
    return 2 * 9 * 256 * x.numel() / best(lambda: conv(x), repeats) / 1e9


def operations(network: Network, size: int) -> int:
    """Floating-point operations of the forward pass of one image."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network.eval()(torch.zeros(1, 3, size, size))
    return int(counter.get_total_flops())


@torch.inference_mode()
def convolutions(network: Network, size: int, repeats: int) -> float:
    """GFLOP/s of all convolutions of the network, each alone on the batch it sees."""
    seen: list[tuple[nn.Conv2d, torch.Tensor]] = []

    def keep(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(layer, nn.Conv2d)
        seen.append((layer, inputs[0].contiguous(memory_format=torch.channels_last)))

    layers = [module for module in network.eval().modules() if isinstance(module, nn.Conv2d)]
    handles = [layer.register_forward_pre_hook(keep) for layer in layers]
    network(torch.rand(TRAIN_BATCH, 3, size, size).contiguous(memory_format=torch.channels_last))
    for handle in handles:
        handle.remove()
    counter = FlopCounterMode(display=False)
    with counter:
        for layer, x in seen:
            layer(x)
    seconds = sum(best(lambda layer=layer, x=x: layer(x), repeats) for layer, x in seen)  # type: ignore[misc]
    return counter.get_total_flops() / seconds / 1e9


def features(network: Network, size: int, engine: str, repeats: int) -> float:
    """Seconds an image of the feature pass."""
    pixels = np.random.default_rng(0).integers(0, 256, (4 * EVAL_BATCH, size, size, 1), dtype=np.uint8)
    length, place = len(network.stages), machine("cpu")
    prefix, _ = prefix_of(engine, network, length, pixels)
    return best(lambda: run_stages(prefix, pixels, 0, length, place), repeats) / len(pixels)


def training(network: Network, size: int, repeats: int) -> float:
    """Seconds an image of a training step."""
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
    x = torch.randint(0, 256, (TRAIN_BATCH, size, size, 1), dtype=torch.uint8).permute(0, 3, 1, 2)
    y = torch.randint(0, 2, (TRAIN_BATCH,))

    def step() -> None:
        F.cross_entropy(network(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()

    return best(step, repeats) / TRAIN_BATCH


def shares(model: str, size: int, repeats: int, peak: float) -> dict[str, Any]:
    """Figures of one network: GFLOP/s, and the share of `peak` in each."""
    place = machine("cpu")  # keeps freed memory, as our commands do
    network = network_of(model, size)
    each = operations(network, size)
    found = {"convolutions": convolutions(network, size, repeats)}
    for engine in dict.fromkeys(["torch", "folded", chosen("auto", place.device, "no")]):
        found[f"features, {engine}"] = each / features(network, size, engine, repeats) / 1e9
    found["training"] = 3 * each / training(network, size, repeats) / 1e9
    return {
        "model": model,
        "gflop_an_image": each / 1e9,
        "gflops": found,
        "share": {name: value / peak for name, value in found.items()},
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["efficientnet_lite0", "torchvision:resnet34"])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    peaks = {"matmul": matmul(options.repeats), "dense convolution": dense_convolution(options.repeats)}
    peak = max(peaks.values())
    found = [shares(model, options.size, options.repeats, peak) for model in options.models]
    if options.json:
        print(json.dumps({"threads": torch.get_num_threads(), "peak_gflops": peaks, "models": found}))
        return
    print(f"{torch.get_num_threads()} threads; " + ", ".join(f"{k} {v:.0f} GFLOP/s" for k, v in peaks.items()))
    for one in found:
        print(f"{one['model']}: {one['gflop_an_image']:.2f} GFLOP an image")
        for name, value in one["gflops"].items():
            print(f"  {name:28s} {value:6.0f} GFLOP/s  {one['share'][name]:4.0%}")


if __name__ == "__main__":
    main()
