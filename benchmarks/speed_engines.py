"""Feature pass by engine: PyTorch, BatchNorm folded, OpenVINO; milliseconds an image, taken in turn, and agreement.

    OMP_NUM_THREADS=1 python benchmarks/speed_engines.py --models efficientnet_lite0 torchvision:resnet34

Weights that are not here are random: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

from heldout import backbones
from heldout.errors import HeldoutError
from heldout.training import machine, predict
from heldout.training.engine import chosen, difference, prefix_of
from heldout.training.predict import EVAL_BATCH, run_stages, to_tensor


def network_of(name: str, size: int) -> backbones.Network:
    """The trunk with its weights, or with random ones where those are not here."""
    info = backbones.resolve(name)
    try:
        network = backbones.build(info, 2, size, seed=0)
    except HeldoutError:
        network = backbones.build(info, 2, size, seed=0, pretrained=False)
    return network.to(memory_format=torch.channels_last)


def measure(name: str, size: int, count: int, repeats: int) -> None:
    """Print a line an engine."""
    network, place = network_of(name, size), machine("cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, 1), dtype=np.uint8)
    length = len(network.stages)
    prefixes, made = {}, {}
    for engine in dict.fromkeys(["torch", "folded", chosen("auto", place.device, "no")]):
        started = time.perf_counter()
        prefix, reason = prefix_of(engine, network, length, pixels)
        made[engine] = time.perf_counter() - started
        print(f"{name} {engine}: {reason}" if reason else "", end="\n" if reason else "")
        prefixes[engine] = prefix
    taken: dict[str, list[float]] = {engine: [] for engine in prefixes}
    for number in range(repeats + 1):
        for engine, prefix in prefixes.items():
            started = time.perf_counter()
            run_stages(prefix, pixels, 0, length, place)
            if number:
                taken[engine].append((time.perf_counter() - started) / count * 1e3)
    images = to_tensor(pixels[:EVAL_BATCH], place.device)
    for engine, found in taken.items():
        ratios = sorted(a / b for a, b in zip(taken["torch"], found, strict=True))
        apart = difference(prefixes[engine], network, length, images)
        print(
            f"{name} {engine}: {statistics.median(found):.2f} ms an image [{min(found):.2f}, {max(found):.2f}], "
            f"{statistics.median(ratios):.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}] times as fast as torch, "
            f"made in {made[engine]:.2f} s, differs by {apart:.0e}"
        )


def batch_sizes(name: str, size: int, count: int, repeats: int) -> None:
    """Milliseconds an image of PyTorch's feature pass by batch size, the sizes taken in turn."""
    network, place = network_of(name, size), machine("cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, 1), dtype=np.uint8)
    taken: dict[int, list[float]] = {16: [], 32: [], 64: [], 128: [], 256: []}
    for _ in range(repeats):
        for batch, found in taken.items():
            predict.EVAL_BATCH = batch
            started = time.perf_counter()
            run_stages(network, pixels, 0, len(network.stages), place)
            found.append((time.perf_counter() - started) / count * 1e3)
    for batch, found in taken.items():
        middle = statistics.median(found)
        print(f"{name}, batches of {batch}: {middle:.2f} ms an image [{min(found):.2f}, {max(found):.2f}]")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["efficientnet_lite0", "torchvision:resnet34"])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch-sizes", action="store_true", help="by batch size instead of by engine")
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads")
    for name in options.models:
        (batch_sizes if options.batch_sizes else measure)(name, options.size, options.images, options.repeats)


if __name__ == "__main__":
    main()
