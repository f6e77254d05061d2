"""What one NVIDIA card makes of training and of feature passes: run by `gpu.sh`.

    python benchmarks/speed_gpu.py --model resnet34 --size 224 --json gpu.json
    python benchmarks/speed_gpu.py --device cpu --images 64 16 --features 64 --size 32     # that it works, anywhere

* **epoch**: seconds of a whole epoch of fine-tuning with `augment=all`, validation included, ours in bf16 with the
  images on the card; and, in turn with it, the loop of torchvision's reference scripts (references/classification:
  a DataLoader with worker processes and pinned memory, RandomHorizontalFlip, autocast, channels last), which changes
  images less. Median of the epochs after the first.
* **share of the peak**: 3 x the operations of the forward pass, over the seconds, over what a bf16 product of two
  8192 x 8192 matrices reaches in the same run.
* **features**: seconds for the feature pass over so many images.
* **memory**: the most that was allocated at once.
* **seeds**: the largest difference between validation logits of two runs of one seed (0 is equal), and whether another
  seed gives others.

Images are noise, since their content decides no time; weights are random where the published ones are not here.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (the field's name for it)
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.speed_engines import network_of
from benchmarks.speed_machine import operations
from heldout.backbones import Network
from heldout.strategies import Phase
from heldout.training import ActivationCache, Machine, Part, Task, learn, logits_of, machine
from heldout.training.predict import run_stages

SIDE, LR = 8192, 3e-4


def part(name: str, count: int, size: int) -> Part:
    """Noise, one class brighter than the other."""
    rng = np.random.default_rng(len(name))
    labels = (np.arange(count) % 2).astype(np.int64)
    pixels = (
        rng.integers(0, 200, (count, size, size, 1), dtype=np.uint8)
        + (50 * labels).astype(np.uint8)[:, None, None, None]
    )
    return Part(tuple(f"{name}{i}" for i in range(count)), pixels, labels)


def wait(device: torch.device) -> None:
    """Until the card has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak(device: torch.device, side: int) -> float:
    """TFLOP/s of a bf16 product."""
    a = torch.rand(side, side, device=device, dtype=torch.bfloat16)
    seconds = []
    for _ in range(6):
        started = time.perf_counter()
        a @ a
        wait(device)
        seconds.append(time.perf_counter() - started)
    return 2 * side**3 / min(seconds[1:]) / 1e12


def ours(model: str, task: Task, place: Machine, options: argparse.Namespace, seed: int = 0) -> Iterator[Any]:
    """Seconds of every epoch; at last the validation logits."""
    network = place.hold(network_of(model, options.size))
    phase = Phase("all", "all", epochs=options.epochs, lr=LR, batch_size=options.batch, augment=options.augment)
    for step in learn(network, task, [phase], seed=seed, machine=place, cache=ActivationCache(None)):
        yield step.epoch.seconds
    yield logits_of(network, task.val.pixels, place)


class Images(Dataset[tuple[torch.Tensor, int]]):
    """As torchvision's reference holds them: one image at a time, changed by a worker process."""

    def __init__(self, one: Part, train: bool) -> None:
        from torchvision.transforms import v2

        self.part = one
        turns = [v2.RandomHorizontalFlip()] if train else []
        self.change = v2.Compose(
            [*turns, v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
        )

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        image = torch.from_numpy(self.part.pixels[row]).permute(2, 0, 1).expand(3, -1, -1)
        return self.change(image), int(self.part.labels[row])


def reference(model: str, task: Task, device: torch.device, options: argparse.Namespace) -> Iterator[float]:
    """Seconds of every epoch of the reference's loop, validation included."""
    network = network_of(model, options.size)
    plain = nn.Sequential(*[stage for name, stage in network.stages.items() if name != "input"], network.head)
    plain = plain.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(plain.parameters(), lr=LR, momentum=0.9, weight_decay=1e-4)
    workers = min(8, os.cpu_count() or 1)
    pinned = device.type == "cuda"
    train, val = (
        DataLoader(
            Images(one, first),
            batch_size=options.batch,
            shuffle=first,
            num_workers=workers,
            pin_memory=pinned,
            persistent_workers=workers > 0,
        )
        for one, first in ((task.train, True), (task.val, False))
    )
    for _ in range(options.epochs):
        started = time.perf_counter()
        plain.train()
        for x, y in train:
            x = x.to(device, non_blocking=True, memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16):
                loss = F.cross_entropy(plain(x), y.to(device, non_blocking=True))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        plain.eval()
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
            for x, _ in val:
                plain(x.to(device, memory_format=torch.channels_last))
        wait(device)
        yield time.perf_counter() - started


def features(network: Network, place: Machine, count: int, size: int) -> float:
    """Seconds of the feature pass."""
    pixels = part("features", count, size).pixels
    run_stages(network, pixels[:64], 0, len(network.stages), place)
    started = time.perf_counter()
    run_stages(network, pixels, 0, len(network.stages), place)
    return time.perf_counter() - started


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    place = machine(options.device, "bf16")
    device = place.device
    task = Task(
        part("train", options.images[0], options.size), part("val", options.images[1], options.size), ("a", "b")
    )
    top = peak(device, SIDE if device.type == "cuda" else 512)
    mine, theirs = ours(options.model, task, place, options), reference(options.model, task, device, options)
    both = [(next(mine), next(theirs)) for _ in range(options.epochs)]
    epoch, loop = (statistics.median(pair[i] for pair in both[1:]) for i in (0, 1))
    first = next(mine)
    memory = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else float("nan")
    *_, again = ours(options.model, task, place, options)
    *_, other = ours(options.model, task, place, options, seed=1)
    network = network_of(options.model, options.size)
    work = 3 * operations(network, options.size) * len(task.train) + operations(network, options.size) * len(task.val)
    return {
        "device": place.name,
        "model": options.model,
        "size": options.size,
        "augment": options.augment,
        "images": options.images,
        "peak_tflops": top,
        "epoch_s": epoch,
        "reference_epoch_s": loop,
        "ratio": [theirs_s / ours_s for ours_s, theirs_s in both[1:]],
        "share_of_peak": work / epoch / 1e12 / top,
        "memory_gib": memory,
        "same_seed_difference": float(np.abs(first - again).max()),
        "other_seed_difference": float(np.abs(first - other).max()),
        "features": options.features,
        "features_s": features(place.hold(network), place, options.features, options.size),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="torchvision:resnet34")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--images", type=int, nargs=2, default=[4200, 1000], metavar=("TRAIN", "VAL"))
    parser.add_argument("--features", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--augment", default="all", choices=["none", "mirror", "flips", "optical", "all"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = measured(options)
    for name, value in found.items():
        print(f"{name:24s} {value}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
