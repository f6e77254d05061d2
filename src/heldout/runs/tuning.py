"""Settings searched on validation within a budget, before the runs that count; the test images have no part in it."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heldout.files import whole
from heldout.optional import require
from heldout.progress import Reporter, Silent
from heldout.records import BackboneInfo, Recipe
from heldout.records.codec import read_record, write_record
from heldout.records.logit_table import variants_table
from heldout.records.tuning import Trial, Tuning
from heldout.runs.fit import RunContext, learn_strategy, new_network, task_of
from heldout.strategies import Range, Strategy
from heldout.training import logits_of
from heldout.training.predict import scored

LOSS = 1e-4
"""What a nat of validation loss counts beside the accuracy: it decides between equal accuracies of under a thousand
images, and never against a better one."""


@dataclass(frozen=True)
class SearchBudget:
    """How long to search, for each model with each strategy.

    Attributes:
        runs: Trainings, the one with the settings as they are included; None sets no limit.
        minutes: No training is begun after so many minutes; None sets no limit.
    """

    runs: int | None = None
    minutes: float | None = None

    def left(self, trials: Sequence[Trial]) -> bool:
        """Whether another training may begin."""
        spent = sum(trial.seconds for trial in trials) / 60
        return (self.runs is None or len(trials) < self.runs) and (self.minutes is None or spent < self.minutes)


def tuning_file(folder: Path, recipe: Recipe) -> Path:
    """Where the search that begins at a recipe is recorded."""
    return folder / "tuning" / f"{recipe.id}.json"


def tuned(strategy: Strategy, tuning: Tuning) -> Strategy:
    """The strategy with the best settings that were found."""
    best: dict[str, Any] = dict(tuning.best.settings)
    return dataclasses.replace(strategy, **best)


def tune(
    recipe: Recipe,
    strategy: Strategy,
    info: BackboneInfo,
    context: RunContext,
    budget: SearchBudget,
    reporter: Reporter | None = None,
) -> Tuning:
    """Search the strategy's `space` with optuna's tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011).

    What was tried before, in another sitting, counts and is not tried again. What is proposed depends on the seed and
    on what was found so far alone.

    Args:
        recipe: Of the run with the settings as they are.
        strategy: Whose settings are searched.
        info: The backbone.
        context: Cohort, split, folder and machine.
        budget: When to stop.
        reporter: Told of every epoch.

    Returns:
        All trials; also written to `tuning_file` after each.
    """
    reporter = reporter or Silent()
    file = tuning_file(context.folder, recipe)
    found = read_record(Tuning, file) if file.exists() else Tuning(recipe.backbone, recipe.strategy, recipe.seed, ())
    space = strategy.space()
    while budget.left(found.trials) and (space or not found.trials):
        number = len(found.trials)
        settings = propose(space, found.trials, recipe.seed) if number else _present(strategy, space)
        shown = ", ".join(f"{name}={value:.3g}" for name, value in settings.items())
        reporter.note(f"Search {number + 1}: {info.name}, {strategy.name}, {shown or 'nothing to search'}.")
        trial, logits = _tried(recipe, dataclasses.replace(strategy, **settings), settings, info, context, reporter)
        found = dataclasses.replace(found, trials=(*found.trials, trial))
        _keep(file.with_suffix(".parquet"), variants_table("val", context.split.val, {str(number): logits}))
        write_record(file, found)
    return found


def _present(strategy: Strategy, space: Mapping[str, Range]) -> dict[str, Any]:
    return {name: getattr(strategy, name) for name in space}


def propose(space: Mapping[str, Range], trials: Sequence[Trial], seed: int) -> dict[str, Any]:
    """The next settings to try."""
    optuna: Any = require("optuna", "tune")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kinds = {name: optuna.distributions.FloatDistribution(r.low, r.high, log=r.log) for name, r in space.items()}
    own = int(np.random.SeedSequence([seed, len(trials)]).generate_state(1)[0])
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=own, n_startup_trials=4))
    for trial in trials:
        if all(
            _within(trial.settings[name], limits) for name, limits in space.items()
        ):  # a default of 0 is in no log range
            value = trial.val_accuracy - LOSS * min(trial.val_loss, 1e3)
            study.add_trial(optuna.trial.create_trial(params=trial.settings, distributions=kinds, value=value))
    return {name: float(f"{value:.3g}") for name, value in study.ask(kinds).params.items()}


def _within(value: object, limits: Range) -> bool:
    return isinstance(value, int | float) and limits.low <= value <= limits.high


def _tried(
    recipe: Recipe,
    strategy: Strategy,
    settings: dict[str, Any],
    info: BackboneInfo,
    context: RunContext,
    reporter: Reporter,
) -> tuple[Trial, NDArray[np.float32]]:
    """A trial, and the logits (m, k) of the validation images."""
    started = time.perf_counter()
    task, cache = task_of(recipe, context, reporter)
    network = new_network(recipe, strategy, info, context)
    learned = learn_strategy(network, task, strategy, recipe.seed, context.machine, cache, reporter)
    logits = logits_of(learned.network, task.val.pixels, context.machine)
    loss, predicted = scored(logits, task.val.labels)
    accuracy = float(np.mean(predicted == task.val.labels))
    trial = Trial(settings, accuracy, loss if math.isfinite(loss) else 1e9, time.perf_counter() - started)
    return trial, logits


def _keep(file: Path, table: pd.DataFrame) -> None:
    """Add a trial's answers to those of earlier ones; one that was made twice, after an interruption, is replaced."""
    if file.exists():
        before = pd.read_parquet(file)
        table = pd.concat([before[before["variant"] != table["variant"].iloc[0]], table], ignore_index=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole(file) as temporary:
        table.to_parquet(temporary, index=False)
