"""Runs under stress judged: curves, the worst case, a forecast for the next site, and a ranking by what stays there.

From what `runs.stress` scored, without torch. How well such forecasts agreed with real sites: docs/stress.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heldout.errors import UsageError
from heldout.records import Estimate, Metric
from heldout.records.codec import read_record, write_sealed
from heldout.records.stress import Level, StressedRun, StressMade, StressPoint, StressReport
from heldout.runs.folder import RunFiles, StudyFiles
from heldout.runs.stressed import Asked, Scored, names_of, read_scored, rows_of
from heldout.stats.bootstrap import FEWEST_REPLICATES, REPLICATES, Resamples, draw, varies
from heldout.stats.few import spread
from heldout.stats.intervals import unseen
from heldout.stats.measured import Measured, simultaneous
from heldout.stats.metric import ClassWeights
from heldout.stats.scores import Reals
from heldout.stats.stressed import LEVEL, Standings, changed_scores, next_site, standings
from heldout.stresses.plan import CLEAN, LEVELS, TOGETHER, StressPlan
from heldout.ties import first_of_largest

FILE = Path("stress") / "stress.json"

TYPICAL = "middle"
"""Level at which means and worst cases are told."""

MEASURED = "measured between the sites of {}"

FEW_IMAGES = 100
"""Images below which a note says that intervals are wide: a share near .8 is then known to ±8 points."""


@dataclass(frozen=True, eq=False)
class _Shared:
    """What all runs share: the images, their draws, the changes."""

    study: StudyFiles
    asked: Asked
    plan: StressPlan
    metric: ClassWeights
    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    resamples: Resamples

    def scores(self, answers: Sequence[NDArray[np.float64]], factors: Reals | None = None) -> Reals:
        """(m, B + 1) the metric of m tables of logits (n, k)."""
        right = np.stack([first_of_largest(logits) == self.labels for logits in answers])
        return changed_scores(right, self.labels, self.resamples, self.metric, factors)

    def measured(self, values: Reals) -> Measured:
        """A number from its value on the sample and in every replicate, (B + 1,)."""
        return Measured(float(values[0]), values[1:], len(self.ids), self.resamples.method, self.resamples.few)


def judge_stress(
    study: StudyFiles, asked: Asked, metric: Metric | None = None, bootstrap: int = REPLICATES
) -> StressReport:
    """Judge what was scored, and keep it as `stress/stress.json`; what was kept of more stresses stays.

    Args:
        study: The study; runs of which something was not scored are left out and named.
        asked: As it was scored.
        metric: What scores are of; None for accuracy.
        bootstrap: Replicates.

    Raises:
        UsageError: Too few replicates, or no stress that can be made.
        InputError: A table is damaged.
    """
    if bootstrap < FEWEST_REPLICATES:
        raise UsageError(f"Found {bootstrap} bootstrap replicates; expected at least {FEWEST_REPLICATES}.")
    metric = metric or Metric()
    first = study.runs[0]
    side, rows = first.predictions["val"], rows_of(study, first, asked)
    ids, patients = ([names[row] for row in rows] for names in (side.ids, side.patients))
    labels, classes = side.labels[rows], study.cohort.classes
    resamples = draw(labels, ids, patients, replicates=bootstrap, seed=(asked.seed, 47))
    weights = ClassWeights.of(metric, classes)
    shared = _Shared(study, asked, asked.plan(study), weights, tuple(ids), labels, resamples)
    scored = [{name: read_scored(study, run, name, ids) for name in names_of(study, asked)} for run in study.runs]
    absent = {name: one.absent for name, one in scored[0].items() if one.absent}
    if not shared.plan.shares and len(absent) == len(shared.plan.single):
        told = "; ".join(f"{name}: {why}" for name, why in absent.items())
        raise UsageError(f"Found no stress that can be made here ({told}); expected one. Name others with --only.")
    sites = [_at_sites(one, shared) for one in scored]
    drawn = [scores for scores in sites if scores is not None]
    units = len(resamples.units)
    ranked = standings(np.stack(drawn), asked.seed, units, resamples.few) if len(drawn) == len(sites) else None
    runs = [
        _stressed(run, one, shared, sites[place], ranked, place)
        for place, (run, one) in enumerate(zip(study.runs, scored, strict=True))
    ]
    runs.sort(key=lambda one: -(one.expected or one.score).value)
    report = StressReport(
        split=study.record.split,
        metric=metric,
        images=len(rows),
        of_images=len(side),
        patients=resamples.units.patients,
        pairs=shared.plan.sites.pairs,
        sites=0 if ranked is None else asked.sites,
        seed=asked.seed,
        bootstrap=bootstrap,
        stresses=_made(shared.plan, scored[0]),
        runs=tuple(runs),
        missing=study.missing,
        notes=_notes(len(rows), len(side), labels, classes),
    )
    kept = read_stress(study.folder) if asked.only else None
    if kept is None or {one.name for one in kept.stresses} <= {one.name for one in report.stresses}:
        write_sealed(study.folder / FILE, report)  # some stresses do not take the place of all
    return report


def read_stress(folder: Path) -> StressReport | None:
    """What the last call of `heldout stress` found; None where there was none.

    Raises:
        InputError: The record is damaged.
    """
    file = folder / FILE
    return read_record(StressReport, file) if file.exists() else None


def _notes(images: int, of: int, labels: NDArray[np.int64], classes: Sequence[str]) -> tuple[str, ...]:
    notes = [f"Changed were {images} of {of} validation images (--sample)."] if images < of else []
    if images < FEW_IMAGES:
        notes.append(f"With {images} validation images every interval here is wide.")
    lacking = [name for k, name in enumerate(classes) if not (labels == k).any()]
    if lacking:
        notes.append(f"No validation image is of {', '.join(lacking)}: nothing is said of it.")
    return tuple(notes)


def _made(plan: StressPlan, scored: Mapping[str, Scored]) -> tuple[StressMade, ...]:
    found = []
    for stress in (*plan.single, *plan.shares):
        measured = plan.is_measured(stress)
        source = MEASURED.format(", ".join(plan.sites.pairs_of(stress.name))) if measured else stress.source
        absent = scored[stress.name].absent if stress.name in scored else ""
        found.append(StressMade(stress.name, stress.title, stress.unit, plan.sizes(stress), measured, source, absent))
    return tuple(found)


def _at_sites(scored: Mapping[str, Scored], shared: _Shared) -> Reals | None:
    """(J, B + 1) scores of a run at the drawn sites; None where none were drawn."""
    if TOGETHER not in scored or not scored[TOGETHER].answers:
        return None
    answers = scored[TOGETHER].answers
    tables = [answers[str(j)] for j in range(len(shared.plan.factors))]
    return shared.scores(tables, shared.plan.factors)


def _stressed(
    run: RunFiles,
    scored: Mapping[str, Scored],
    shared: _Shared,
    sites: Reals | None,
    ranked: Standings | None,
    place: int,
) -> StressedRun:
    clean = scored[CLEAN].answers[CLEAN]
    score = shared.scores([clean])[0]  # (B + 1,)
    keys, changed = _changes(scored, shared, clean)
    lost = 100 * (score - changed)  # (m, B + 1)
    points = tuple(
        StressPoint(*key, _share(one, shared), _estimate(points, shared))
        for key, one, points in zip(keys, changed, lost, strict=True)
    )
    typical = [i for i, point in enumerate(points) if point.level == TYPICAL]
    worst = max(typical, key=lambda i: (points[i].lost_points.value, -i))
    held = _worst_of(lost[worst], shared, len(typical))
    forecast = expected = behind = None
    like: dict[str, Estimate] = {}
    if sites is not None and ranked is not None:
        lost_there, pairs = 100 * (score - sites), np.array(shared.plan.drawn.pairs)
        forecast = _forecast(lost_there, shared)
        like = {pair: _forecast(lost_there[pairs == pair], shared) for pair in dict.fromkeys(pairs.tolist())}
        expected = _share(ranked.score[place], shared)
        if place != ranked.best:
            value, low, high = (float(one[place]) for one in (ranked.behind, ranked.low, ranked.high))
            behind = Estimate(value, low, high, len(shared.ids), f"max-|t|, {shared.resamples.method}")
    record = run.record
    return StressedRun(
        id=record.id,
        model=record.backbone,
        strategy=record.strategy,
        seed=record.seed,
        score=_share(score, shared),
        points=points,
        mean_points=_estimate(_mean_of_stresses(lost[typical], [points[i].stress for i in typical]), shared),
        worst=replace(points[worst], lost_points=held),
        forecast_points=forecast,
        like=like,
        expected=expected,
        behind_points=behind,
        first=None if ranked is None else float(ranked.first[place]),
    )


def _forecast(lost: Reals, shared: _Shared) -> Estimate:
    method = f"{len(lost)} drawn sites, {shared.resamples.method}"
    wide = spread(lost[:, :1], lost, shared.resamples.few.factors(lost[:, 1:])[:, None])
    return Estimate(*next_site(wide, len(shared.resamples.units)), len(shared.ids), method)


def _changes(
    scored: Mapping[str, Scored], shared: _Shared, clean: NDArray[np.float64]
) -> tuple[list[tuple[str, str, Level, float]], Reals]:
    """(stress, words, level, amount) of every change, and its scores (m, B + 1)."""
    keys: list[tuple[str, str, Level, float]] = []
    answers: list[NDArray[np.float64]] = []
    for stress in shared.plan.single:
        if scored[stress.name].absent:
            continue
        for variant in shared.plan.variants(stress):
            keys.append((stress.name, variant.words, variant.level, variant.amount))
            answers.append(scored[stress.name].answers[variant.name])
    k = len(shared.study.cohort.classes)
    factors = [np.ones(k)] * len(answers)
    for shares in shared.plan.shares:
        for c, name in enumerate(shared.study.cohort.classes):
            for level, size in zip(LEVELS, shared.plan.sizes(shares), strict=True):
                keys.append((shares.name, f"more {name}", level, size))
                answers.append(clean)
                factors.append(shares.factors(size * np.eye(k)[c]))
    return keys, shared.scores(answers, np.stack(factors))


def _mean_of_stresses(lost: Reals, names: Sequence[str]) -> Reals:
    """Mean over stresses of the mean over the sides of each, (B + 1,)."""
    each = [lost[[i for i, name in enumerate(names) if name == one]].mean(axis=0) for one in dict.fromkeys(names)]
    mean: Reals = np.mean(each, axis=0)
    return mean


def _worst_of(values: Reals, shared: _Shared, many: int) -> Estimate:
    """The largest of so many losses, with an interval for all of them at once; `_estimate` where no answer changed."""
    found = simultaneous(shared.measured(values), many)
    if varies(values[1:]):
        return found.estimate()
    reach = 100 * unseen(len(shared.resamples.units), LEVEL / many)
    return replace(found.estimate(), low=float(values[0]) - reach, high=float(values[0]) + reach)


def _estimate(values: Reals, shared: _Shared, scale: float = 100.0) -> Estimate:
    """The sample (place 0) with the percentiles of the replicates, spread where units are few.

    Where none differs (no image changed its answer, or all are right), what was seen in no unit may still be in as many
    as `intervals.unseen` says.

    Args:
        values: (B + 1,).
        shared: The images.
        scale: What a share of 1 is: 100 points, or 1.
    """
    value = float(values[0])
    found = shared.measured(values).estimate()
    if varies(values[1:]):
        return found
    reach = scale * unseen(len(shared.resamples.units))
    return replace(found, low=value - reach, high=value + reach)


def _share(values: Reals, shared: _Shared) -> Estimate:
    """The same of a fraction, within 0 … 1."""
    found = _estimate(values, shared, 1.0)
    return replace(found, low=max(found.low, 0.0), high=min(found.high, 1.0))
