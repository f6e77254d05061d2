"""Which run is best, on which images, and from which others it can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from heldout.answer.names import RunName
from heldout.answer.texts import count, listing, percent, percent_to
from heldout.records import Comparison, Estimate, RunRow

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
        accuracy: Its accuracy there.
        ties: Ids of other runs with as many images right.
        apart: Ids of the runs it can be told apart from, best first.
        alike: Ids of the other runs it was compared with, best first.
    """

    id: str
    part: Literal["test", "val"]
    accuracy: Estimate
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


def right_images(row: RunRow, part: Literal["test", "val"]) -> int:
    """Images that a run got right: whole numbers, so that a tie does not hang on rounding; -1 where not scored."""
    scores = row.test if part == "test" else row.val
    return -1 if scores is None else round(scores.accuracy.value * scores.accuracy.n)


def ranked(comparison: Comparison) -> tuple[RunRow, ...]:
    """The runs scored on the part they are judged on, best first; ties in the order of their ids."""
    part = judged_part(comparison)
    scored = [row for row in comparison.runs if right_images(row, part) >= 0]
    return tuple(sorted(scored, key=lambda row: (-right_images(row, part), row.id)))


def chosen_by_validation(comparison: Comparison) -> RunRow:
    """The run with the best validation accuracy among those judged; ties in the order of their ids."""
    return min(ranked(comparison), key=lambda row: (-right_images(row, "val"), row.id))


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
        accuracy=scores.accuracy,
        ties=tuple(row.id for row in others if right_images(row, part) == right_images(best, part)),
        apart=tuple(row.id for row in others if verdicts.get(row.id) == "distinguishable"),
        alike=tuple(row.id for row in others if verdicts.get(row.id) == "not distinguishable"),
    )


def best_sentence(best: BestRun, names: Mapping[str, RunName]) -> str:
    """Who is best, and from whom it can be told apart."""
    first, *others = (names[id_].spoken for id_ in (best.id, *best.ties))
    who = listing([first, *others]) if len(others) < NAMED else f"{first} and {len(others)} others"
    return (
        f"The best {best.judged} accuracy is {percent(best.accuracy.value)} (95 % interval "
        f"{percent_to(best.accuracy)}, {count(best.accuracy.n, 'image')}), reached by "
        f"{who}{' alike' if others else ''}; {_rivals(best, names)}."
    )


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
