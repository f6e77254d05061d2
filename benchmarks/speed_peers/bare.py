"""Our trainer beside a bare channels-last loop: what loader and bookkeeping of a fine-tuning epoch cost.

Both train the same network with the same optimiser and batch size, one epoch in turn, training and validation; the bare
loop has float tensors in memory and keeps no record. Both are of one process and share its setting of memory.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (the field's name for it)

from benchmarks.speed_peers.given import Given, arguments, tensors
from heldout import backbones
from heldout.strategies.finetune import Finetune
from heldout.training import ActivationCache, Part, Task, learn, machine


def part(given: Given, name: str) -> Part:
    """The images as our trainer takes them."""
    files = sorted((given.folder / "data" / name).glob("*.npy"))
    arrays = [np.load(file) for file in files]
    labels = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
    pixels = np.concatenate(arrays)[..., None]
    return Part(tuple(f"{name}{row}" for row in range(len(pixels))), pixels, labels)


def bare_loop(given: Given, size: int) -> Callable[[], None]:
    """One epoch of the bare loop."""
    network = backbones.build(backbones.resolve(given.model), 2, size, seed=0)
    trunk = [stage for name, stage in network.stages.items() if name != "input"]
    bare = nn.Sequential(*trunk, network.head).to(memory_format=torch.channels_last)
    (x, y), (v, _) = (tensors(given, name).tensors for name in ("train", "val"))
    x, v = (images.contiguous(memory_format=torch.channels_last) for images in (x, v))
    optimizer = torch.optim.AdamW(bare.parameters(), lr=3e-4, weight_decay=0.01, fused=True)

    def epoch() -> None:
        bare.train()
        for rows in torch.randperm(len(x)).split(int(given.settings["batch_size"])):
            optimizer.zero_grad()
            F.cross_entropy(bare(x[rows]), y[rows]).backward()
            optimizer.step()
        bare.eval()
        with torch.inference_mode():
            for images in v.split(64):
                bare(images)

    return epoch


def main() -> None:
    """Alternate; the first epoch of each warms up and is dropped."""
    given = arguments()
    task = Task(part(given, "train"), part(given, "val"), ("a", "b"))
    size = task.train.pixels.shape[1]
    network = backbones.build(backbones.resolve(given.model), 2, size, seed=0)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    phases = Finetune(epochs=given.epochs + 1, batch_size=int(given.settings["batch_size"])).phases()
    steps = learn(network, task, phases, seed=0, machine=machine("cpu"), cache=ActivationCache(None))
    epoch = bare_loop(given, size)
    ours, bare = [], []
    for number in range(given.epochs + 1):
        started = time.perf_counter()
        next(steps)
        middle = time.perf_counter()
        epoch()
        if number:
            ours.append(middle - started)
            bare.append(time.perf_counter() - middle)
    print(json.dumps({"ours": ours, "bare": bare}))


if __name__ == "__main__":
    main()
