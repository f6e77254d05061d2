"""What all runs of a study have in common, and what each of them begins with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from heldout import backbones
from heldout.backbones import Network
from heldout.data.store import build_store
from heldout.progress import Reporter
from heldout.records import BackboneInfo, Cohort, Recipe, Split
from heldout.strategies import Strategy
from heldout.training import ActivationCache, Machine, Part, Task


@dataclass(frozen=True)
class RunContext:
    """What all runs of a study have in common.

    Attributes:
        cohort: The images.
        split: Their partition.
        folder: The study's folder.
        machine: Device and precision.
    """

    cohort: Cohort
    split: Split
    folder: Path
    machine: Machine


def new_network(recipe: Recipe, strategy: Strategy, info: BackboneInfo, context: RunContext) -> Network:
    """The network that a strategy begins with, on the machine's device."""
    network = backbones.build(info, len(recipe.classes), recipe.image_size, recipe.seed, strategy.pretrained)
    network.to(context.machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def task_of(recipe: Recipe, context: RunContext, reporter: Reporter) -> tuple[Task, ActivationCache]:
    """Training and validation images, and where activations of frozen prefixes are kept."""
    source = f"{recipe.backbone} {recipe.image_size} {recipe.fit} {recipe.interpolation}"
    cache = ActivationCache(context.folder / "features", source, recipe.precision, context.machine.engine)
    train, val = (part_of(name, recipe, context, reporter) for name in ("train", "val"))
    return Task(train, val, recipe.classes), cache


def part_of(name: str, recipe: Recipe, context: RunContext, reporter: Reporter) -> Part:
    """Pixels and labels of a part of the split."""
    ids = context.split.part(name)
    store = build_store(
        context.cohort,
        ids,
        recipe.image_size,
        recipe.fit,
        recipe.interpolation,
        context.folder / "images",
        reporter,
    )
    index = {label: number for number, label in enumerate(recipe.classes)}
    labels = context.cohort.table.set_index("id").loc[list(ids), "label"].map(index)
    return Part(ids, store.pixels, np.asarray(labels, dtype=np.int64))
