"""Which run is best, on which images, and from which others it can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from heldout.answer.names import RunName
from heldout.answer.texts import count, listing, percent, percent_to
from heldout.records import Comparison, Estimate, Metric, RunRow, Unit
from heldout.records.metric import ACCURACY, IMAGES
from heldout.ties import settled

JUDGED = {"test": "test", "val": "validation"}
"""Parts that runs are judged on, in words."""

NAMED = 3
"""Runs named one by one in a sentence; more are counted."""


@dataclass(frozen=True)
class BestRun:
    """The best run of a study.

    Attributes:
        id: Its id.
        part: The part it is best on: test, or validation where no run was scored on test.
        score: Its score there, by the comparison's metric.
        ties: Ids of other runs that score the same.
        apart: Ids of the runs it can be told apart from, best first.
        alike: Ids of the other runs it was compared with, best first.
    """

    id: str
    part: Literal["test", "val"]
    score: Estimate
    ties: tuple[str, ...]
    apart: tuple[str, ...]
    alike: tuple[str, ...]

    @property
    def judged(self) -> str:
        """The part in words."""
        return JUDGED[self.part]


def judged_part(comparison: Comparison) -> Literal["test", "val"]:
    """The part that runs are judged on: test where any run was scored on it."""
    return "test" if any(row.test is not None for row in comparison.runs) else "val"


def standing(row: RunRow, part: Literal["test", "val"]) -> float:
    """What runs are ranked by, settled, so that a tie does not hang on rounding; -1 where not scored.

    Of accuracy the number of images that the run got right.
    """
    scores = row.test if part == "test" else row.val
    if scores is None:
        return -1
    if scores.by_metric is None:
        return round(scores.accuracy.value * scores.accuracy.n)
    return settled(scores.by_metric.value)


def ranked(comparison: Comparison) -> tuple[RunRow, ...]:
    """The runs scored on the part they are judged on, best first; ties in the order of their ids."""
    part = judged_part(comparison)
    scored = [row for row in comparison.runs if standing(row, part) >= 0]
    return tuple(sorted(scored, key=lambda row: (-standing(row, part), row.id)))


def chosen_by_validation(comparison: Comparison) -> RunRow:
    """The run with the best validation score among those judged; ties in the order of their ids."""
    return min(ranked(comparison), key=lambda row: (-standing(row, "val"), row.id))


def best_run(comparison: Comparison) -> BestRun:
    """The best run of a comparison that has any."""
    part = judged_part(comparison)
    rows = ranked(comparison)
    best, others = rows[0], rows[1:]
    scores = best.test if part == "test" else best.val
    assert scores is not None  # ranked holds scored runs only
    verdicts = {
        pair.b if pair.a == best.id else pair.a: pair.verdict
        for pair in comparison.pairs
        if best.id in (pair.a, pair.b)
    }
    return BestRun(
        id=best.id,
        part=part,
        score=scores.score,
        ties=tuple(row.id for row in others if standing(row, part) == standing(best, part)),
        apart=tuple(row.id for row in others if verdicts.get(row.id) == "distinguishable"),
        alike=tuple(row.id for row in others if verdicts.get(row.id) == "not distinguishable"),
    )


def best_sentence(best: BestRun, names: Mapping[str, RunName], metric: Metric = ACCURACY, unit: Unit = IMAGES) -> str:
    """Who is best, and from whom it can be told apart."""
    first, *others = (names[id_].spoken for id_ in (best.id, *best.ties))
    who = listing([first, *others]) if len(others) < NAMED else f"{first} and {len(others)} others"
    return (
        f"The best {best.judged} {metric.words} is {percent(best.score.value)} (95 % interval "
        f"{percent_to(best.score)}, {counted(best.score, unit)}), reached by "
        f"{who}{' alike' if others else ''}; {_rivals(best, names)}."
    )


def counted(score: Estimate, unit: Unit) -> str:
    """How many it rests on, and how one decision was made: `400 images`, `120 patients, one decision a patient: …`."""
    return ", ".join(filter(None, (count(score.n, unit.name), unit.told)))


def _rivals(best: BestRun, names: Mapping[str, RunName]) -> str:
    """Which of the other runs the best can be told apart from."""
    everyone = len(best.apart) + len(best.alike)
    subject = names[best.id].spoken if best.ties else "it"
    if not everyone:
        return "there is no other run to compare it with"
    if not best.apart:
        whom = "the other run" if everyone == 1 else f"any of the {everyone} other runs"
        return f"on these images {subject} is not distinguishable from {whom}"
    if not best.alike:
        whom = "the other run" if everyone == 1 else f"each of the {everyone} other runs"
        return f"{subject} can be told apart from {whom}"
    return (
        f"{subject} can be told apart from {_whom(best.apart, everyone, names)}, but is not distinguishable from "
        f"{_whom(best.alike, everyone, names)}"
    )


def _whom(ids: Sequence[str], everyone: int, names: Mapping[str, RunName]) -> str:
    """A few runs by name, many by number."""
    if len(ids) > NAMED:
        return f"{len(ids)} of the {everyone} others"
    return listing([names[id_].spoken for id_ in ids])
