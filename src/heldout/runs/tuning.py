"""Settings searched on validation within a budget, before the runs that count; the test images have no part in it."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.claims import Claim
from heldout.errors import InputError
from heldout.optional import require
from heldout.progress import Reporter, Silent
from heldout.records import BackboneInfo, Recipe
from heldout.records.codec import read_record, write_sealed
from heldout.records.logit_table import variants_table
from heldout.records.table_file import load_table, save_table
from heldout.records.tuning import Trial, Tuning
from heldout.runs.context import RunContext, check_weights, new_network, stores_read, task_of
from heldout.runs.fit import learn_strategy
from heldout.runs.plan import PlannedRun, SearchBudget
from heldout.strategies import Range, Strategy
from heldout.training import logits_of
from heldout.work import HERE, Dispatcher, WorkItem


def tuning_file(folder: Path, recipe: Recipe) -> Path:
    """Where the search that begins at a recipe is recorded."""
    return folder / "tuning" / f"{recipe.id}.json"


def tuning_of(folder: Path, base: PlannedRun) -> Tuning:
    """What was searched so far from a run on; without any trial where nothing was.

    Raises:
        InputError: The record is damaged.
    """
    file, recipe = tuning_file(folder, base.recipe), base.recipe
    return read_record(Tuning, file) if file.exists() else Tuning(recipe.backbone, recipe.strategy, recipe.seed, ())


def is_over(base: PlannedRun, found: Tuning, budget: SearchBudget) -> bool:
    """Whether a search has nothing left to try: its budget is spent, or there is nothing to search."""
    return not budget.left(found.trials) or bool(found.trials and not base.strategy.space())


def tune(
    base: PlannedRun,
    context: RunContext,
    budget: SearchBudget,
    reporter: Reporter | None = None,
    claim: Claim | None = None,
    dispatcher: Dispatcher = HERE,
) -> Tuning:
    """Search the strategy's `space` with optuna's tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011).

    What was tried before, in another sitting, counts and is not tried again. What is proposed depends on the seed, on
    what was found so far, and on how many are proposed together, alone.

    Args:
        base: The run with the settings as they are, whose strategy's are searched.
        context: Cohort, split, folder and machine.
        budget: When to stop.
        reporter: Told of every epoch.
        claim: On this search; None where no other process can work on it.
        dispatcher: Has trials done.

    Returns:
        All trials; also written to `tuning_file` after each, or after those that were proposed together.

    Raises:
        ClaimLostError: Another process took the search over.
    """
    reporter = reporter or Silent()
    recipe, strategy, info = base.recipe, base.strategy, base.info
    file = tuning_file(context.folder, recipe)
    found = tuning_of(context.folder, base)
    space = strategy.space()
    while not is_over(base, found, budget):
        items = []
        for number, settings in enumerate(_next(strategy, space, found, recipe.seed, budget), start=len(found.trials)):
            shown = ", ".join(f"{name}={value:.3g}" for name, value in settings.items())
            reporter.note(f"Search {number + 1}: {info.name}, {strategy.name}, {shown or 'nothing to search'}.")
            items.append(trial_item(recipe, dataclasses.replace(strategy, **settings), settings, info, context))
        trials, logits = zip(*dispatcher.dispatch_all(items, reporter), strict=True)
        if claim is not None:
            claim.check()
        variants = {str(number): each for number, each in enumerate(logits, start=len(found.trials))}
        _keep(file.with_suffix(".parquet"), variants_table("val", context.split.val, variants), reporter)
        found = dataclasses.replace(found, trials=(*found.trials, *trials))
        write_sealed(file, found)
    return found


def _next(
    strategy: Strategy, space: Mapping[str, Range], found: Tuning, seed: int, budget: SearchBudget
) -> list[dict[str, Any]]:
    """What is tried next: at first the settings as they are."""
    present = [] if found.trials else [{name: getattr(strategy, name) for name in space}]
    more = budget.together(found.trials) - len(present) if space else 0
    return present + (proposals(space, found.trials, seed, more) if more else [])


def proposals(
    space: Mapping[str, Range], trials: Sequence[Trial], seed: int, together: int = 1
) -> list[dict[str, Any]]:
    """The next settings to try.

    Args:
        space: What may be set, not empty.
        trials: What was found so far.
        seed: Of the search.
        together: How many; each keeps away from the others as if they had come out badly (Ginsbourger et al. 2010,
            "constant liar").
    """
    optuna: Any = require("optuna", "tune")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kinds = {name: optuna.distributions.FloatDistribution(r.low, r.high, log=r.log) for name, r in space.items()}
    own = int(np.random.SeedSequence([seed, len(trials)]).generate_state(1)[0])
    sampler = optuna.samplers.TPESampler(seed=own, n_startup_trials=4, constant_liar=together > 1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for trial in trials:
        if all(
            _within(trial.settings[name], limits) for name, limits in space.items()
        ):  # a default of 0 is in no log range
            study.add_trial(optuna.trial.create_trial(params=trial.settings, distributions=kinds, value=trial.value))
    asked = [study.ask(kinds).params for _ in range(together)]
    return [{name: float(f"{value:.3g}") for name, value in params.items()} for params in asked]


def _within(value: object, limits: Range) -> bool:
    return isinstance(value, int | float) and limits.low <= value <= limits.high


def trial_item(
    recipe: Recipe, strategy: Strategy, settings: dict[str, Any], info: BackboneInfo, context: RunContext
) -> WorkItem[RunContext, tuple[Trial, NDArray[np.float32]]]:
    """What `tried` does as a work item; the arguments are those of it."""
    return WorkItem(
        title=f"{info.name}, {strategy.name}, a trial",
        study=context.kept_in,
        common=context,
        work=partial(_tried_in, recipe, strategy, settings, info),
        reads=partial(stores_read, ("train", "val"), recipe, context),
    )


def _tried_in(
    recipe: Recipe,
    strategy: Strategy,
    settings: dict[str, Any],
    info: BackboneInfo,
    context: RunContext,
    study: Path,
    reporter: Reporter,
) -> tuple[Trial, NDArray[np.float32]]:
    """A trial in a study's folder, which may be a copy on another machine."""
    check_weights(recipe, info, context)
    return tried(recipe, strategy, settings, info, context.moved(study), reporter)


def tried(
    recipe: Recipe,
    strategy: Strategy,
    settings: dict[str, Any],
    info: BackboneInfo,
    context: RunContext,
    reporter: Reporter,
) -> tuple[Trial, NDArray[np.float32]]:
    """A trial, and the logits (m, k) of the validation images.

    Args:
        recipe: All but the strategy counts.
        strategy: What is carried out.
        settings: What the trial says that it tried.
        info: The backbone.
        context: Cohort, split, folder and machine.
        reporter: Told of every epoch.
    """
    started = time.perf_counter()
    task, cache = task_of(recipe, context, reporter)
    network = new_network(recipe, strategy, info, context)
    learned = learn_strategy(network, task, strategy, recipe.seed, context.machine, cache, reporter)
    logits = logits_of(learned.network, task.val.pixels, context.machine)
    loss, predicted = task.objective.scored(logits, task.val.labels)
    accuracy = float(np.mean(predicted == task.val.labels))
    trial = Trial(settings, accuracy, loss if math.isfinite(loss) else 1e9, time.perf_counter() - started)
    return trial, logits


def _keep(file: Path, table: pd.DataFrame, reporter: Reporter) -> None:
    """Add a trial's answers to those of earlier ones; one that was made twice, after an interruption, is replaced."""
    if file.exists():
        try:
            before = load_table(file)
            table = pd.concat([before[~before["variant"].isin(table["variant"])], table], ignore_index=True)
        except (InputError, KeyError):
            reporter.note(f"{file} is damaged: the answers of earlier trials are lost, their scores are kept.")
    save_table(table, file)
