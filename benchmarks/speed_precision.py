"""A training step in float32 and in bfloat16, in turn: what `--precision auto` decides by.

    OMP_NUM_THREADS=2 python benchmarks/speed_precision.py --models efficientnet_lite0 torchvision:resnet34

The step is that of our trainer: uint8 images to a batch, forward, backward, fused AdamW, in channels-last layout; with
bfloat16 the forward pass runs under autocast. Weights that are not here are random: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional as F  # noqa: N812  (the field's name for it)

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.speed_engines import network_of
from heldout.training.device import keep_freed_memory
from heldout.training.precision import suited


def measure(name: str, size: int, batch: int, repeats: int) -> None:
    """Print milliseconds of a step in both precisions, and what `auto` takes."""
    network = network_of(name, size).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
    pixels = torch.randint(0, 256, (batch, size, size, 1), dtype=torch.uint8)
    labels = torch.randint(0, 2, (batch,))

    def step(mixed: bool) -> float:
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            logits = network(pixels.permute(0, 3, 1, 2))
        F.cross_entropy(logits.float(), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
        return (time.perf_counter() - started) * 1e3

    for mixed in (False, True):
        step(mixed)
    pairs = [(step(False), step(True)) for _ in range(repeats)]
    single, mixed_times = ([pair[side] for pair in pairs] for side in (0, 1))
    ratios = sorted(a / b for a, b in pairs)
    print(
        f"{name}: float32 {statistics.median(single):.0f} ms a step, bfloat16 {statistics.median(mixed_times):.0f}; "
        f"{statistics.median(ratios):.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}] times as fast; "
        f"auto takes '{suited(network, torch.device('cpu'))}' here"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["efficientnet_lite0", "torchvision:resnet34"])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    keep_freed_memory()
    for name in options.models:
        measure(name, options.size, options.batch, options.repeats)


if __name__ == "__main__":
    main()
