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
from heldout.training.task import rows_of


@dataclass(frozen=True)
class Pool:
    """Images that several studies, the folds of a cross-validation, take their parts from: read once for all of them.

    Attributes:
        folder: Folder of the study that keeps them.
        ids: Their ids.
    """

    folder: Path
    ids: tuple[str, ...]


@dataclass(frozen=True)
class RunContext:
    """What all runs of a study have in common.

    Attributes:
        cohort: The images.
        split: Their partition.
        folder: The study's folder.
        machine: Device and precision.
        pool: What the parts are taken from; None where the study stands for itself.
        squares: What was kept when the images were measured.
    """

    cohort: Cohort
    split: Split
    folder: Path
    machine: Machine
    pool: Pool | None = None
    squares: Squares | None = None

    @property
    def kept_in(self) -> Path:
        """Folder of the study that keeps squares and activations."""
        return self.folder if self.pool is None else self.pool.folder


def new_network(recipe: Recipe, strategy: Strategy, info: BackboneInfo, context: RunContext) -> Network:
    """The network that a strategy begins with, on the machine's device."""
    return context.machine.hold(
        backbones.build(
            info, len(recipe.classes), recipe.image_size, recipe.seed, strategy.pretrained, recipe.in_channels
        )
    )


def task_of(recipe: Recipe, context: RunContext, reporter: Reporter) -> tuple[Task, ActivationCache]:
    """Training and validation images, and where activations of frozen prefixes are kept."""
    train, val = (part_of(name, recipe, context, reporter) for name in ("train", "val"))
    return Task(train, val, recipe.classes, recipe.labels), cache_of(recipe, context, reporter)


def cache_of(recipe: Recipe, context: RunContext, reporter: Reporter) -> ActivationCache:
    """Where activations of frozen prefixes are kept."""
    whole = None if context.pool is None else _part(context.pool.ids, recipe, context, reporter)
    return ActivationCache.of_study(context.kept_in, recipe, context.machine, whole)


def part_of(name: str, recipe: Recipe, context: RunContext, reporter: Reporter) -> Part:
    """Pixels and labels of a part of the split."""
    return _part(context.split.part(name), recipe, context, reporter)


def _part(ids: tuple[str, ...], recipe: Recipe, context: RunContext, reporter: Reporter) -> Part:
    pool = context.pool
    read = ids if pool is None else pool.ids
    store = build_store(
        context.cohort,
        read,
        recipe.image_size,
        recipe.fit,
        recipe.interpolation,
        context.kept_in / "images",
        reporter,
        recipe.input_map,
        context.squares,
    )
    texts = context.cohort.table.set_index("id").loc[list(ids), "label"].tolist()
    pixels = store.pixels if ids == read else rows_of(store.pixels, store.rows(ids))
    return Part(ids, pixels, context.cohort.labelling.truth(texts, recipe.classes))
