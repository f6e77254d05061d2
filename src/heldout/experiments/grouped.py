"""The run trained anew on a split that keeps patients and copies together: what relatives in train were worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from heldout import backbones
from heldout.evidence.relatives import Pair, leaked_ids
from heldout.evidence.tables import near_copies
from heldout.experiments._bench import Bench, Logits
from heldout.experiments._experiment import Experiment
from heldout.experiments._scores import joined, named_rows
from heldout.fit import learn_strategy
from heldout.records import Split
from heldout.splits import make_split
from heldout.strategies import Strategy, strategies
from heldout.training import Part, Task

SEEDS = (0, 1)

LONGEST = 600.0
"""Seconds that a retraining may take without having been asked for."""


class GroupedRetraining(Experiment):
    """Validation drawn anew from train and validation, patients and copies whole, and the same strategy trained on it.

    Variants `seed=0` and `seed=1`: the new validation images (split `val`; some of them were in train) scored by the
    network of that seed. Both seeds share one draw. Only if some validation image has a relative in train, and only
    if it takes less than ten minutes by the run's own seconds an epoch, unless a retraining is asked for.
    """

    name: ClassVar[str] = "grouped"
    title: ClassVar[str] = "retraining on a grouped split"

    def settings(self, bench: Bench) -> dict[str, int]:
        """The seed of the draw."""
        return {"seed": bench.seed}

    def is_current(self, about: Mapping[str, Any], bench: Bench) -> bool:
        """Not where it was left out for its length, and is asked for now."""
        return super().is_current(about, bench) and not (bench.retrain and about.get("absent"))

    def why_not(self, bench: Bench) -> str | None:
        """Without relatives there is nothing to mend; a long training is not begun unasked."""
        if not bench.ids("val"):
            return "there are no validation images"
        if not leaked_ids(bench.study, _pairs(bench)):
            return "no validation image has a known relative in train"
        record = bench.run.record
        seconds = record.epochs * record.seconds_per_epoch * len(SEEDS)
        if seconds > LONGEST and not bench.retrain:
            return f"it would take about {seconds / 60:.0f} minutes; ask for it with --retrain"
        return None

    def run(self, bench: Bench) -> pd.DataFrame:
        """Draw, train for each seed, score."""
        split = redrawn(bench, _pairs(bench))
        task = Task(_part(bench, split.train), _part(bench, split.val), bench.run.record.classes)
        tables = [named_rows(split.val, "val", f"seed={seed}", _retrained(bench, task, seed)) for seed in SEEDS]
        return joined(tables, bench.k)


def _pairs(bench: Bench) -> tuple[Pair, ...]:
    return near_copies(bench.study, bench.recipe, bench.reporter)


def redrawn(bench: Bench, pairs: Iterable[Pair]) -> Split:
    """A split of train and validation together, as large as before, by patient where one is named, copies whole."""
    study = bench.study
    ids = [*study.split.train, *study.split.val]
    table = study.cohort.table.set_index("id").loc[ids].reset_index()[list(study.cohort.table.columns)]
    table["split"] = "train"
    row = {id_: number for number, id_ in enumerate(ids)}
    content = np.unique(table["content"].to_numpy(dtype=str), return_inverse=True)[1]
    links = [(content[row[a]], content[row[b]]) for a, b in pairs if a in row and b in row]
    first, second = np.array(links, dtype=np.int64).reshape(-1, 2).T
    size = int(content.max()) + 1
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(size, size))
    table["content"] = connected_components(graph, directed=False)[1][content].astype(str)
    return make_split(replace(study.cohort, table=table), len(study.split.val) / len(ids), bench.seed)


def _part(bench: Bench, ids: tuple[str, ...]) -> Part:
    """Images of train and validation, in the order given."""
    places = {id_: (part, row) for part in ("train", "val") for row, id_ in enumerate(bench.ids(part))}
    size = bench.pixels("val").shape[1:]
    pixels, labels = np.empty((len(ids), *size), dtype=np.uint8), np.empty(len(ids), dtype=np.int64)
    for number, id_ in enumerate(ids):
        part, row = places[id_]
        pixels[number], labels[number] = bench.pixels(part)[row], bench.labels(part)[row]
    return Part(ids, pixels, labels)


def _strategy(bench: Bench) -> Strategy:
    return strategies.get(bench.recipe.strategy)(**bench.recipe.settings)


def _retrained(bench: Bench, task: Task, seed: int) -> Logits:
    """Logits of the task's validation images by a network trained as the run's was, (m, k)."""
    info = backbones.resolve(bench.recipe.backbone)
    strategy = _strategy(bench)
    network = bench.machine.hold(backbones.build(info, bench.k, bench.recipe.image_size, seed, strategy.pretrained))
    learned = learn_strategy(network, task, strategy, seed, bench.machine, bench.cache, bench.reporter)
    return bench.score(task.val.pixels, f"seed={seed}", learned.network)


EXPERIMENT = GroupedRetraining()
