"""By how much test lies below validation, and whether that is known at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from heldout.answer.baseline import baseline_sentence
from heldout.answer.best import best_run, best_sentence
from heldout.answer.names import RunName
from heldout.answer.texts import number, percent
from heldout.records import Comparison, Estimate, Metric, RunRow
from heldout.records.metric import ACCURACY

NO_TEST = (
    "This study has no test set, so nothing in it says how well a model does on images that were kept aside. "
    "Validation images steered the runs; expect less on new ones. Keep a test set of other patients aside, and run "
    "again."
)
"""Of one validation set, by which runs were steered."""

NESTED = (
    "There is no test set, and the cross-validation is nested: each validation image was answered by a network that "
    "neither learned from it nor was chosen by it."
)
"""Of a nested cross-validation."""

BEST_OF_SEVERAL = (
    "The best of several runs is still flattered by being picked by these images: report what choosing among the runs "
    "is worth."
)
"""The same of several models or strategies."""


@dataclass(frozen=True)
class Gap:
    """Validation minus test accuracy, as a size and a side.

    Attributes:
        points: Its size in points of the metric, never negative.
        low: Lower end of the 95 % interval along that side; negative where the interval covers 0.
        high: Upper end.
        test: Whether test is lower or higher than validation.
        distinguishable: Whether it is distinguishable from no gap: the interval excludes 0.
    """

    points: float
    low: float
    high: float
    test: Literal["lower", "higher"]
    distinguishable: bool

    @property
    def size(self) -> str:
        """`8.9 points`."""
        return f"{number(self.points)} points"

    @property
    def interval(self) -> str:
        """`95 % interval 5.1 to 12.7 points`."""
        return f"95 % interval {number(self.low)} to {number(self.high)} points"


def gap_of(estimate: Estimate) -> Gap:
    """A gap from its estimate, validation minus test in points."""
    distinguishable = estimate.low > 0 or estimate.high < 0
    if estimate.value >= 0:
        return Gap(estimate.value, estimate.low, estimate.high, "lower", distinguishable)
    return Gap(-estimate.value, -estimate.high, -estimate.low, "higher", distinguishable)


def gap_sentence(row: RunRow, spoken: str, metric: Metric = ACCURACY) -> str:
    """How far a run's test score lies from its validation score.

    Args:
        row: The run.
        spoken: What it is called in a sentence.
        metric: What the score is.
    """
    if row.gap_points is None:
        words = metric.words
        return f"How far the test {words} of {spoken} lies from its validation {words} could not be computed."
    gap = gap_of(row.gap_points)
    side = "below" if gap.test == "lower" else "above"
    validation = percent(row.val.score.value)
    said = f"That is {gap.size} {side} its validation {metric.words} of {validation} ({gap.interval})"
    if not gap.distinguishable:
        return f"{said}, which is not distinguishable from no gap at all."
    if gap.test == "lower":
        return f"{said}: validation promised more than the test set kept."
    return f"{said}: the test images were easier for it than the validation images."


def comparison_sentences(comparison: Comparison, names: Mapping[str, RunName]) -> tuple[str, ...]:
    """The answer of a study in two sentences: the best run, and what its validation score was worth.

    Before them one that says so where runs do no better than always answering the commonest class.

    Args:
        comparison: With at least one run.
        names: What each run is called.
    """
    best = best_run(comparison)
    row = next(row for row in comparison.runs if row.id == best.id)
    if best.part == "test":
        second = gap_sentence(row, names[best.id].spoken, comparison.metric)
    elif row.folds:
        second = f"{NESTED} {BEST_OF_SEVERAL}" if comparison.choosing else NESTED
    else:
        second = NO_TEST
    first = best_sentence(best, names, comparison.metric, comparison.unit)
    return tuple(filter(None, (baseline_sentence(comparison, names), first, second)))
