"""A network and a task small enough for tests of the loop: two convolutions with BatchNorm and dropout."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from heldout.backbones import Network
from heldout.backbones.network import Flat, Input
from heldout.training import Part, Task


def tiny_network(classes: int = 2, seed: int = 0) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        stages = {
            "input": Input((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
            "stem": nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU()),
            "block": nn.Sequential(nn.Conv2d(6, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2)),
            "pool": Flat(),
        }
    return Network(stages, 8, classes, seed).to(memory_format=torch.channels_last)


def tiny_part(name: str, count: int, seed: int, classes: int = 2) -> Part:
    """Noise images whose mean brightness tells the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    bright = 60 + 130 * labels / max(classes - 1, 1)
    pixels = np.clip(rng.normal(bright[:, None, None, None], 40, (count, 16, 16, 1)), 0, 255).astype(np.uint8)
    return Part(tuple(f"{name}{k}" for k in range(count)), pixels, labels.astype(np.int64))


def tiny_task(classes: int = 2, train: int = 65, val: int = 30) -> Task:
    names = tuple(f"class{k}" for k in range(classes))
    return Task(tiny_part("t", train, 1, classes), tiny_part("v", val, 2, classes), names)
