"""Feature passes over many images as jobs of their own, which any executor has done before the runs that share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from heldout.claims import Claim, claim_of
from heldout.errors import HeldoutError
from heldout.progress import Reporter
from heldout.runs.context import (
    LEARNED_FROM,
    RunContext,
    begins_with_features,
    cache_of,
    check_weights,
    new_network,
    part_of,
    stores_read,
)
from heldout.runs.plan import PlannedRun
from heldout.runs.share import Executor, Job
from heldout.training.shards import Shards
from heldout.work import Dispatcher, WorkItem

SPAN = 8
"""Shards of a job, 32,768 images: a network is built for each job, a second for a minute of work."""


@dataclass(frozen=True)
class SpanJob(Job):
    """Some neighbouring shards of the features of one part.

    Attributes:
        run: A run that needs them.
        context: Of the study's runs.
        part: `train` or `val`.
        shards: All shards of the pass.
        rows: Which images, shard by shard.
    """

    run: PlannedRun
    context: RunContext
    part: str
    shards: Shards
    rows: tuple[range, ...]

    @property
    def title(self) -> str:  # type: ignore[override]
        """For people."""
        which = f"{self.rows[0].start + 1:,} to {self.rows[-1].stop:,} of {self.shards.images:,}"
        return f"{self.run.info.name}, features of {self.part} images {which}"

    quiet = True

    @property
    def claim(self) -> Path:
        """Beside the folder of the shards."""
        folder = self.shards.folder
        return claim_of(folder.with_name(f"{folder.name}-{self.rows[0].start:09d}"))

    def is_done(self) -> bool:
        """Whether they are there."""
        return all(self.shards.open(rows) is not None for rows in self.rows)

    def work(self, claim: Claim, reporter: Reporter, dispatcher: Dispatcher) -> None:
        """Compute those that are not there."""
        files = tuple(self.shards.file(rows).relative_to(self.context.kept_in).as_posix() for rows in self.rows)
        item = WorkItem(
            title=self.title,
            study=self.context.kept_in,
            common=self.context,
            work=partial(_compute, self.run, self.part, self.shards.folder.name, self.rows),
            reads=partial(stores_read, (self.part,), self.run.recipe, self.context),
            leaves=partial(_left, files),
        )
        dispatcher.dispatch(item, reporter)


def _left(files: tuple[str, ...], study: Path) -> tuple[str, ...]:
    return files


def _compute(
    run: PlannedRun,
    part: str,
    folder: str,
    rows: tuple[range, ...],
    context: RunContext,
    study: Path,
    reporter: Reporter,
) -> None:
    """Compute shards in a study's folder, which may be a copy on another machine."""
    check_weights(run.recipe, run.info, context)
    context = context.moved(study)
    network = new_network(run.recipe, run.strategy, run.info, context)
    images, cache = part_of(part, run.recipe, context, reporter), cache_of(run.recipe, context, reporter)
    found = cache.shards(network, len(network.stages), images)
    if found.folder.name != folder:
        raise HeldoutError(
            f"The features {found.folder.name} would be computed on this machine, by {cache.engine}; expected "
            f"{folder}, as where the study is. Have the same engine installed on every machine, or name one: --engine "
            f"folded."
        )
    cache.compute_shards(network, len(network.stages), images, context.machine, reporter, rows)


def share_features(runs: Sequence[PlannedRun], context: RunContext, executor: Executor, reporter: Reporter) -> None:
    """Have the features of training and validation images computed that runs with a fixed trunk begin with.

    Where a set has no more images than a shard, its run computes them.

    Args:
        runs: That are to be made.
        context: Of these runs; on a CPU, where every machine computes the same.
        executor: Has the shards computed.
        reporter: Told of progress.
    """
    jobs: dict[Path, list[SpanJob]] = {}
    for run in runs:
        network = new_network(run.recipe, run.strategy, run.info, context)
        if not begins_with_features(network, run.strategy):
            continue
        cache = cache_of(run.recipe, context, reporter)
        for name in LEARNED_FROM:
            part = part_of(name, run.recipe, context, reporter)
            shards = cache.shards(network, len(network.stages), part)
            if len(shards.rows) == 1 or shards.folder in jobs or cache.is_there(network, len(network.stages), part):
                continue
            spans = [shards.rows[first : first + SPAN] for first in range(0, len(shards.rows), SPAN)]
            jobs[shards.folder] = [SpanJob(run, context, name, shards, rows) for rows in spans]
            shards.folder.mkdir(parents=True, exist_ok=True)
    executor.run([job for spans in jobs.values() for job in spans], reporter)
    for first, *_ in jobs.values():  # joined here, from where they travel as one file
        network = new_network(first.run.recipe, first.run.strategy, first.run.info, context)
        part = part_of(first.part, first.run.recipe, context, reporter)
        cache = cache_of(first.run.recipe, context, reporter)
        cache.activations(network, len(network.stages), part, context.machine, reporter)
