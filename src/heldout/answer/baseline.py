"""Whether a run is better than always answering the commonest class, which is said before anything else."""

from __future__ import annotations

from collections.abc import Mapping

from heldout.answer.best import JUDGED, NAMED, judged_part, ranked
from heldout.answer.names import RunName
from heldout.answer.texts import listing, percent, points_range, signed
from heldout.records import Comparison, Diagnosis, Estimate


def baseline_title(answer: str) -> str:
    """The baseline's row in a table; of several labels no class is named."""
    return f"always '{answer}', the commonest class" if answer else "the same answer, whatever the image"


def _than(answer: str) -> str:
    """What a run is no better than."""
    return f"always answering '{answer}', the commonest class" if answer else "the same answer for every image"


def baseline_sentence(comparison: Comparison, names: Mapping[str, RunName]) -> str:
    """Which runs do no better than the baseline; empty where all do."""
    baseline, part = comparison.baseline, judged_part(comparison)
    rows = [row for row in ranked(comparison) if not row.better_than_baseline]
    score = None if baseline is None else baseline.test if part == "test" else baseline.val
    if baseline is None or score is None or not rows or rows[0].over_baseline_points is None:
        return ""
    everyone = len(rows) == len(ranked(comparison))
    spoken = [names[row.id].spoken for row in rows]
    if len(rows) == 1:
        who = f"{spoken[0]} does no better"
    elif everyone:
        who = f"None of the {len(rows)} runs does better"
    else:
        who = f"{listing(spoken) if len(rows) <= NAMED else f'{len(rows)} of the runs'} do no better"
    best = "" if len(rows) == 1 else "the best of them: "
    return (
        f"{who} on {JUDGED[part]} than {_than(baseline.answer)}, which "
        f"scores {percent(score.value)} {comparison.metric.words} ({best}{_difference(rows[0].over_baseline_points)})."
    )


def no_better(diagnosis: Diagnosis, spoken: str) -> str:
    """The same of a run that was diagnosed; empty where it is better, or where that is not known."""
    points = diagnosis.over_baseline_points
    if points is None or diagnosis.beats_baseline:
        return ""
    return (
        f"{spoken} does no better on test than always answering '{diagnosis.baseline}', the commonest class "
        f"({_difference(points)})."
    )


def _difference(points: Estimate) -> str:
    return f"difference {signed(points.value)} points, 95 % interval {points_range(points)}"
