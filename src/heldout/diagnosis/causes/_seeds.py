"""Runs of one model and strategy that differ only in their seed."""

from __future__ import annotations

from heldout.diagnosis.causes._case import Case
from heldout.records.predictions import Predictions

FEWEST_RUNS = 3
"""Seeds that are needed to speak of a recipe rather than of one trained network."""


def runs(case: Case) -> list[tuple[Predictions, Predictions]]:
    """(validation, test) of this run first, then of the other seeds, in this run's order of images."""
    evidence = case.evidence
    val, test = evidence.val, evidence.test
    assert val is not None and test is not None
    found, seeds = [(val, test)], {evidence.seed}
    for other in evidence.siblings:
        same = (other.model, other.strategy, other.classes) == (evidence.model, evidence.strategy, evidence.classes)
        if not same or other.seed in seeds or other.val is None or other.test is None:
            continue
        if other.val.ids == val.ids and other.test.ids == test.ids:
            found.append((other.val, other.test))
            seeds.add(other.seed)
    return found
