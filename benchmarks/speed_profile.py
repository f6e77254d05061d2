"""Where a training step goes, by kind of operation: shares of the processor's time, from torch.profiler.

    OMP_NUM_THREADS=1 python benchmarks/speed_profile.py --model efficientnet_lite0

The step is that of our trainer: uint8 images to a batch, forward, backward, fused AdamW, all in channels-last layout.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import torch
from torch.nn import functional as F  # noqa: N812  (the field's name for it)
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.speed_engines import network_of
from heldout.training.device import keep_freed_memory

KINDS = {
    "batch_norm_backward": "BatchNorm, backward",
    "batch_norm": "BatchNorm, forward",
    "hardtanh_backward": "activation, backward",
    "threshold_backward": "activation, backward",
    "hardtanh": "activation, forward",
    "clamp": "activation, forward",
    "relu": "activation, forward",
    "adam": "optimiser",
    "zero_grad": "optimiser",
    "copy_": "copies (in-place activations, layout, batch)",
    "fill_": "padding and zeros",
    "pad": "padding and zeros",
}
"""Part of an operation's name -> kind; the first that fits."""


def kind_of(name: str, shapes: list[list[int]]) -> str:
    """Depthwise convolutions are told by their weight (c, 1, k, k)."""
    lowered = name.lower()
    if lowered in ("aten::mkldnn_convolution", "aten::convolution_backward"):
        weight = shapes[2 if "backward" in lowered else 1]
        size = f"{weight[2]} × {weight[3]}"
        sort = f"depthwise {size} convolution" if weight[1] == 1 else "convolution"
        return f"{sort}, {'backward' if 'backward' in lowered else 'forward'}"
    return next((kind for part, kind in KINDS.items() if part in lowered), "everything else")


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    keep_freed_memory()
    network = network_of(options.model, options.size).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
    pixels = torch.randint(0, 256, (options.batch, options.size, options.size, 1), dtype=torch.uint8)
    labels = torch.randint(0, 2, (options.batch,))

    def step() -> None:
        F.cross_entropy(network(pixels.permute(0, 3, 1, 2)), labels).backward()
        optimizer.step()
        optimizer.zero_grad()

    for _ in range(3):
        step()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as found:
        for _ in range(options.steps):
            step()
    spent: dict[str, float] = defaultdict(float)
    for event in found.key_averages(group_by_input_shape=True):
        spent[kind_of(event.key, event.input_shapes)] += event.self_cpu_time_total / options.steps / 1e3
    total = sum(spent.values())
    print(f"{options.model}, {options.size} pixels, batches of {options.batch}, {torch.get_num_threads()} threads")
    for kind, milliseconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {kind:46s} {milliseconds:8.1f} ms a step  {milliseconds / total:4.0%}")


if __name__ == "__main__":
    main()
