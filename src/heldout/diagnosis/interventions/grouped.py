"""The run trained anew on a split that keeps patients and copies together: what relatives in train were worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from heldout import backbones
from heldout.data.splits import make_split
from heldout.diagnosis.absence import Absence
from heldout.diagnosis.interventions._scores import joined
from heldout.diagnosis.interventions.context import InterventionContext, Logits
from heldout.diagnosis.interventions.intervention import Intervention
from heldout.diagnosis.interventions.needs import Need
from heldout.diagnosis.relatives import CopyPair, leaked_ids, pictures_of
from heldout.diagnosis.rules import RULES
from heldout.diagnosis.tables import near_copies
from heldout.records import ReasonKind, Split
from heldout.records.logit_table import variant_rows
from heldout.runs.fit import learn_strategy
from heldout.strategies import Strategy, strategies
from heldout.training import Part, Task

SEEDS = (0, 1, 2)
"""As many as it takes to speak of a recipe (`min_seeds`): of two networks nobody knows how much training is luck."""


class GroupedRetraining(Intervention):
    """Validation drawn anew from train and validation, patients and copies whole, and the same strategy trained on it.

    Variants `seed=0` to `seed=2`: the new validation images (split `val`; some of them were in train) scored by the
    network of that seed. All seeds share one draw. Only if some validation image has a relative in train, and only
    if it takes less than ten minutes by the run's own seconds an epoch, unless a retraining is asked for.
    """

    name: ClassVar[str] = "grouped"
    title: ClassVar[str] = "retraining on a grouped split"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.IMAGES, Need.TRAINING})
    version: ClassVar[int] = 3  # a third seed

    def settings(self, context: InterventionContext) -> dict[str, int]:
        """The seed of the draw."""
        return {"seed": context.seed}

    def is_current(self, about: Mapping[str, Any], context: InterventionContext) -> bool:
        """Not where it was left out for its length, and is asked for now."""
        return super().is_current(about, context) and not (context.retrain and about.get("absent"))

    def why_not(self, context: InterventionContext) -> Absence | None:
        """Without relatives there is nothing to mend; a long training is not begun unasked."""
        if not context.ids("val"):
            return Absence(ReasonKind.PARTS_MISSING, "there are no validation images")
        if not leaked_ids(context.study, _pairs(context)):
            return Absence(ReasonKind.DOES_NOT_APPLY, "no validation image has a known relative in train")
        record = context.run.record
        seconds = (record.epochs or 0) * (record.seconds_per_epoch or 0.0) * len(SEEDS)
        if seconds > RULES.max_retraining and not context.retrain:
            text = f"it would take about {seconds / 60:.0f} minutes; ask for it with --retrain"
            return Absence(ReasonKind.NOT_RUN, text)
        return None

    def run(self, context: InterventionContext) -> pd.DataFrame:
        """Draw, train for each seed, score."""
        split = redrawn(context, _pairs(context))
        task = Task(_part(context, split.train), _part(context, split.val), context.run.record.classes)
        tables = [variant_rows(split.val, "val", f"seed={seed}", _retrained(context, task, seed)) for seed in SEEDS]
        return joined(tables, context.k)


def _pairs(context: InterventionContext) -> tuple[CopyPair, ...]:
    return near_copies(context.study, context.recipe, context.reporter) or ()


def redrawn(context: InterventionContext, pairs: Iterable[CopyPair]) -> Split:
    """A split of train and validation together, as large as before, by patient where one is named, copies whole."""
    study = context.study
    ids = [*study.split.train, *study.split.val]
    table = study.cohort.table.set_index("id").loc[ids].reset_index()[list(study.cohort.table.columns)]
    table["split"] = "train"
    pictures = pictures_of(table, pairs)
    table["content"] = [str(pictures[id_]) for id_ in ids]
    return make_split(replace(study.cohort, table=table), len(study.split.val) / len(ids), context.seed)


def _part(context: InterventionContext, ids: tuple[str, ...]) -> Part:
    """Images of train and validation, in the order given."""
    places = {id_: (part, row) for part in ("train", "val") for row, id_ in enumerate(context.ids(part))}
    known = context.pixels("val")
    pixels = np.empty((len(ids), *known.shape[1:]), dtype=known.dtype)
    labels = np.empty(len(ids), dtype=np.int64)
    for number, id_ in enumerate(ids):
        part, row = places[id_]
        pixels[number], labels[number] = context.pixels(part)[row], context.labels(part)[row]
    return Part(ids, pixels, labels)


def _strategy(context: InterventionContext) -> Strategy:
    return strategies.get(context.recipe.strategy)(**context.recipe.settings)


def _retrained(context: InterventionContext, task: Task, seed: int) -> Logits:
    """Logits of the task's validation images by a network trained as the run's was, (m, k)."""
    info = backbones.resolve(context.recipe.backbone)
    strategy = _strategy(context)
    network = context.machine.hold(
        backbones.build(
            info, context.k, context.recipe.image_size, seed, strategy.pretrained, context.recipe.in_channels
        )
    )
    learned = learn_strategy(network, task, strategy, seed, context.machine, context.cache, context.reporter)
    return context.score(task.val.pixels, f"seed={seed}", learned.network)


INTERVENTION = GroupedRetraining()
