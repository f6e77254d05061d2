"""Runs that differ only in their seed."""

from __future__ import annotations

from heldout.diagnosis.run_data import RunData
from heldout.records.predictions import Predictions


def same_recipe(run: RunData) -> list[tuple[Predictions, Predictions]]:
    """(validation, test) of this run first, then of the other seeds, in this run's order of images."""
    val, test = run.val, run.test
    assert val is not None and test is not None
    found, seeds = [(val, test)], {run.seed}
    for other in run.siblings:
        same = run.same_recipe(other) and other.classes == run.classes
        if not same or other.seed in seeds or other.val is None or other.test is None:
            continue
        if other.val.ids == val.ids and other.test.ids == test.ids:
            found.append((other.val, other.test))
            seeds.add(other.seed)
    return found
