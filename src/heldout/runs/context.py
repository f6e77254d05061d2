"""What all runs of a study have in common, and what each of them begins with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from heldout import backbones
from heldout.backbones import Network
from heldout.computing import Device, Engine
from heldout.data.squares import Squares
from heldout.data.store import Store, build_store
from heldout.errors import HeldoutError
from heldout.progress import Reporter, Silent
from heldout.records import BackboneInfo, Cohort, Recipe, Split
from heldout.records.recipe import Precision
from heldout.strategies import Strategy
from heldout.training import ActivationCache, Machine, Part, Task, machine
from heldout.training.phases import frozen_stages
from heldout.training.task import rows_of

LEARNED_FROM = ("train", "val")
"""Parts whose features may be computed ahead of a run. Test images are scored by the run, after learning has ended."""


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
        device: `auto`, `cpu` or `cuda`.
        precision: Of the arithmetic.
        engine: What computes features that stay fixed, see `training.engine`.
        pool: What the parts are taken from; None where the study stands for itself.
        squares: What was kept when the images were measured.
        travelled: Whether it was made in another process, on this machine or another.
    """

    cohort: Cohort
    split: Split
    folder: Path
    device: Device = "auto"
    precision: Precision = "no"
    engine: Engine = "auto"
    pool: Pool | None = None
    squares: Squares | None = None
    travelled: bool = False

    @cached_property
    def machine(self) -> Machine:
        """Device and precision, set up when first asked for: where it is computed, which need not be here.

        Raises:
            UsageError: The device is not there, or cannot do the precision.
            HeldoutError: The engine is not installed.
        """
        return machine(self.device, self.precision, self.engine)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: the machine and what was kept of reading belong to this one."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return own | {"squares": None, "travelled": True}

    def moved(self, folder: Path) -> RunContext:
        """The same in another folder: that of the study whose images and activations it takes.

        Args:
            folder: Takes the place of `kept_in`.
        """
        if folder == self.kept_in:
            return self
        pool = None if self.pool is None else replace(self.pool, folder=folder)
        return replace(self, folder=folder / self.folder.relative_to(self.kept_in), pool=pool)

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
    store = _store(ids, recipe, context, reporter)
    texts = context.cohort.table.set_index("id").loc[list(ids), "label"].tolist()
    pixels = store.pixels if ids == store.ids else rows_of(store.pixels, store.rows(ids))
    return Part(ids, pixels, context.cohort.labelling.truth(texts, recipe.classes))


def _store(ids: tuple[str, ...], recipe: Recipe, context: RunContext, reporter: Reporter) -> Store:
    """The store that images of a part are taken from, made where it is not there."""
    return build_store(
        context.cohort,
        ids if context.pool is None else context.pool.ids,
        recipe.image_size,
        recipe.fit,
        recipe.interpolation,
        context.kept_in / "images",
        reporter,
        recipe.input_map,
        context.squares,
    )


def stores_read(parts: Sequence[str], recipe: Recipe, context: RunContext, reporter: Reporter) -> list[str]:
    """Folders, relative to `kept_in`, of the stores that some parts are read from; made where they are not there.

    This decodes images so that they can be sent to where a run is trained, and shows them to nobody.
    """
    found = []
    for name in parts:
        if ids := context.split.part(name):
            pixels = _store(ids, recipe, context, reporter).pixels
            assert isinstance(pixels, np.memmap) and pixels.filename is not None
            found.append(Path(pixels.filename).resolve().parent.relative_to(context.kept_in.resolve()).as_posix())
    return list(dict.fromkeys(found))


def begins_with_features(network: Network, strategy: Strategy) -> bool:
    """Whether a run begins with a head on the features of a fixed trunk."""
    first = strategy.phases()[0]
    return first.trainable == "head" and frozen_stages(network, first) == len(network.stages)


def features_read(recipe: Recipe, strategy: Strategy, info: BackboneInfo, context: RunContext) -> list[str]:
    """Folders of features, relative to `kept_in`, that a run begins with and that are there already.

    Looked for where they are computed ahead (`runs.feature_spans`): on CPUs, and not in folds.
    """
    if context.device != "cpu" or context.pool is not None or not (context.kept_in / "features").is_dir():
        return []
    network = new_network(recipe, strategy, info, context)
    if not begins_with_features(network, strategy):
        return []
    silent = Silent()
    cache, found = cache_of(recipe, context, silent), []
    for name in LEARNED_FROM:
        part = part_of(name, recipe, context, silent)
        if cache.is_there(network, len(network.stages), part):
            folder = cache.file(network, len(network.stages), part).parent
            found.append(folder.relative_to(context.kept_in).as_posix())
    return found


def check_weights(recipe: Recipe, info: BackboneInfo, context: RunContext) -> None:
    """See that the pretrained weights are those of a recipe, in a process that did not plan it.

    Raises:
        HeldoutError: They are others, or cannot be had.
    """
    if not context.travelled or recipe.weights == "random":
        return
    found = backbones.digest(info)
    if found != recipe.weights:
        raise HeldoutError(
            f"The weights of {info.name} on this machine have the hash {found}; expected {recipe.weights}, those that "
            f"the study was planned with. Put the same file there: heldout weights add {info.name} FILE."
        )
