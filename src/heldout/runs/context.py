"""What all runs of a study have in common, and what each of them begins with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from heldout import backbones
from heldout.backbones import Network
from heldout.data.squares import Squares
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
        squares: What was kept when the images were measured.
    """

    cohort: Cohort
    split: Split
    folder: Path
    machine: Machine
    squares: Squares | None = None


def new_network(recipe: Recipe, strategy: Strategy, info: BackboneInfo, context: RunContext) -> Network:
    """The network that a strategy begins with, on the machine's device."""
    return context.machine.hold(
        backbones.build(
            info, len(recipe.classes), recipe.image_size, recipe.seed, strategy.pretrained, recipe.in_channels
        )
    )


def task_of(recipe: Recipe, context: RunContext, reporter: Reporter) -> tuple[Task, ActivationCache]:
    """Training and validation images, and where activations of frozen prefixes are kept."""
    cache = ActivationCache.of_study(context.folder, recipe, context.machine)
    train, val = (part_of(name, recipe, context, reporter) for name in ("train", "val"))
    return Task(train, val, recipe.classes, recipe.labels), cache


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
        recipe.input_map,
        context.squares,
    )
    texts = context.cohort.table.set_index("id").loc[list(ids), "label"].tolist()
    return Part(ids, store.pixels, context.cohort.labelling.truth(texts, recipe.classes))
