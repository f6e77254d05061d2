"""Runs of one model and strategy that differ only in their seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heldout.diagnosis.cause_data import CauseData
from heldout.records.predictions import Predictions
from heldout.stats.measured import Measured


def same_recipe(data: CauseData) -> list[tuple[Predictions, Predictions]]:
    """(validation, test) of this run first, then of the other seeds, in this run's order of images."""
    run = data.run
    val, test = run.val, run.test
    assert val is not None and test is not None
    found, seeds = [(val, test)], {run.seed}
    for other in run.siblings:
        same = (other.model, other.strategy, other.classes) == (run.model, run.strategy, run.classes)
        if not same or other.seed in seeds or other.val is None or other.test is None:
            continue
        if other.val.ids == val.ids and other.test.ids == test.ids:
            found.append((other.val, other.test))
            seeds.add(other.seed)
    return found


def mean_over_seeds(each: Sequence[Measured], spread_of: Sequence[Measured], seed: int) -> Measured:
    """Mean over runs, its interval holding both the patients' and the seeds' share.

    To each replicate's mean is added spread/√m times a draw from Student's t: with few seeds their spread is itself
    hardly known.

    Args:
        each: One number a run, from the same bootstrap; m of them.
        spread_of: The numbers whose standard deviation stands for the spread of seeds, at least two.
        seed: Seed of the draws.
    """
    value = float(np.mean([one.value for one in each]))
    replicates = np.mean([one.replicates for one in each], axis=0)
    spread = float(np.std([one.value for one in spread_of], ddof=1))
    drawn = np.random.default_rng((seed, 23)).standard_t(len(spread_of) - 1, len(replicates))
    drawn = np.clip(drawn, -50, 50)  # two seeds: Cauchy; its farthest draws would only spoil the arithmetic
    method = f"{each[0].method}, {len(each)} seeds"
    return Measured(value, replicates + spread / np.sqrt(len(each)) * drawn, each[0].n, method)
